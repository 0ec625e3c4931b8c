"""Checkpoints: a run killed at any moment goes on to the same bits.

A checkpoint is one ``.npz`` file (no pickles) written beside its final name and renamed onto it, so
that it is whole or absent. It holds the plan's fingerprint, the state and the records so far.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.training.plan import Plan
from methexis.training.recording import Records
from methexis.training.state import State

FORMAT_VERSION = 1


def save_checkpoint(path: Path, plan: Plan, state: State, records: Records) -> None:
    """Write a checkpoint atomically.

    Raises
    ------
    MethexisError
        If the file cannot be written; an older checkpoint is then left as it was.
    """
    header = {
        "format": FORMAT_VERSION,
        "fingerprint": plan.fingerprint(),
        "step": state.step,
        "done": records.done,
        "numpy": np.__version__,
    }
    arrays: dict[str, Array] = {
        "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
        "diverged_step": state.diverged_step,
        "collapsed_step": state.collapsed_step,
        "alignment": records.alignment,
        "alignment_projected": records.alignment_projected,
    }  # type: ignore[assignment]
    arrays |= {f"student/{name}": value for name, value in records.student.items()}
    arrays |= {f"layer/{name}": value for name, value in records.layer.items()}
    for name, nested in (
        ("weights", state.weights),
        ("velocity", state.velocity),
        ("snapshots", records.weights),
    ):
        for k, layers in enumerate(nested):
            for i, w in enumerate(layers):
                arrays[f"{name}/{k}/{i}"] = w
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise MethexisError(
            f"checkpoint: expected to write {path}, got: {error.strerror or error}"
        ) from None


def load_checkpoint(path: Path, plan: Plan, state: State, records: Records) -> bool:
    """Fill ``state`` and ``records`` from ``path``; False if there is no such file.

    Raises
    ------
    MethexisError
        If the file is no checkpoint of this plan.
    """
    if not path.exists():
        return False
    try:
        with np.load(path, allow_pickle=False) as stored:
            header = json.loads(bytes(stored["header"]))
            if header.get("format") != FORMAT_VERSION:
                raise MethexisError(
                    f"checkpoint {path}: expected format {FORMAT_VERSION}, "
                    f"got {header.get('format')}"
                )
            if header["fingerprint"] != plan.fingerprint():
                raise MethexisError(
                    f"checkpoint {path}: expected one of this very run, got one of a run with "
                    "other settings; give another path or delete it"
                )
            state.step = int(header["step"])
            records.done = int(header["done"])
            state.diverged_step[:] = stored["diverged_step"]
            state.collapsed_step[:] = stored["collapsed_step"]
            records.alignment[:] = stored["alignment"]
            records.alignment_projected[:] = stored["alignment_projected"]
            for name, value in records.student.items():
                value[:] = stored[f"student/{name}"]
            for name, value in records.layer.items():
                value[:] = stored[f"layer/{name}"]
            for name, nested in (
                ("weights", state.weights),
                ("velocity", state.velocity),
                ("snapshots", records.weights),
            ):
                for k, layers in enumerate(nested):
                    for i, w in enumerate(layers):
                        w[:] = stored[f"{name}/{k}/{i}"]
    except (KeyError, OSError, EOFError, zipfile.BadZipFile, json.JSONDecodeError) as error:
        raise MethexisError(f"checkpoint {path}: expected a checkpoint file, got {error}") from None
    except ValueError as error:
        if isinstance(error, MethexisError):
            raise
        raise MethexisError(f"checkpoint {path}: expected a checkpoint file, got {error}") from None
    return True
