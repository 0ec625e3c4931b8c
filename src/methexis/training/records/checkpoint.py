"""Checkpoints: a run killed at any moment goes on to the same bits.

A checkpoint is one ``.npz`` file (no pickles) written beside its final name and renamed onto it, so
that it is whole or absent. It holds the plan's fingerprint, the engine and versions that made its
bits, the state and the records so far. All of it is written each time: the cost grows with what was
recorded, which is why `Checkpoints` lets the time between two of them grow with what one takes.
"""

from __future__ import annotations

import json
import os
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError
from methexis.training.engines.state import State
from methexis.training.plan import Plan
from methexis.training.records.recording import Records

FORMAT_VERSION = 2
#: Least seconds between checkpoints,
CHECKPOINT_SECONDS = 10.0
#: and least seconds of work per second of writing them.
_WORK_PER_WRITING = 20.0


class Checkpoints:
    """The checkpoint file of one run, written from time to time; without a path there is none.

    Parameters
    ----------
    path : path or None
        The file.
    plan, state, records :
        The run; the state and the records are those that the caller goes on filling.
    seconds : float, optional
        Least time between two checkpoints, `CHECKPOINT_SECONDS` by default.
    """

    def __init__(
        self,
        path: Path | None,
        plan: Plan,
        state: State,
        records: Records,
        seconds: float | None = None,
    ) -> None:
        self.path, self.plan, self.state, self.records = path, plan, state, records
        self.makers: list[dict[str, str]] = []
        self._pause = CHECKPOINT_SECONDS if seconds is None else seconds
        self._due = time.monotonic() + self._pause

    def load(self, maker: dict[str, str], *, elsewhere: bool) -> None:
        """Go on from the file, if it is there; see `load_checkpoint`."""
        self.makers = [maker]
        if self.path is not None:
            self.makers = load_checkpoint(
                self.path, self.plan, self.state, self.records, maker, elsewhere=elsewhere
            )

    def save(self) -> None:
        """Write the file."""
        if self.path is not None:
            save_checkpoint(self.path, self.plan, self.state, self.records, self.makers)

    def save_if_due(self) -> None:
        """Write the file if it is time to."""
        began = time.monotonic()
        if self.path is not None and began >= self._due:
            self.save()
            now = time.monotonic()
            self._due = now + max(self._pause, _WORK_PER_WRITING * (now - began))


def save_checkpoint(
    path: Path, plan: Plan, state: State, records: Records, makers: list[dict[str, str]]
) -> None:
    """Write a checkpoint atomically.

    ``makers`` is what made the run so far, the present one last: engine and versions.

    Raises
    ------
    MethexisError
        If the file cannot be written; an older checkpoint is then left as it was.
    """
    header = {
        "format": FORMAT_VERSION,
        "fingerprint": plan.fingerprint(),
        "makers": makers,
        "step": state.step,
        "done": records.done,
    }
    arrays = {"header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)}
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays, **_arrays(state, records))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise MethexisError(
            f"checkpoint: expected to write {path}, got: {error.strerror or error}"
        ) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def load_checkpoint(
    path: Path,
    plan: Plan,
    state: State,
    records: Records,
    maker: dict[str, str],
    *,
    elsewhere: bool = False,
) -> list[dict[str, str]]:
    """Fill ``state`` and ``records`` from ``path``, if there is such a file.

    Parameters
    ----------
    maker : dict
        Engine and versions that are to go on with the run.
    elsewhere : bool
        Go on also if they are others than those that made it so far.

    Returns
    -------
    list of dict
        What made the run, in order, ``maker`` last.

    Raises
    ------
    MethexisError
        If the file is no whole checkpoint of this plan.
    """
    if not path.exists():
        return [maker]
    try:
        with zipfile.ZipFile(path):  # np.load would take other kinds of file as well
            pass
        with np.load(path, allow_pickle=False) as stored:
            header = json.loads(bytes(stored["header"]))
            makers = _check_header(path, plan, header, maker, elsewhere=elsewhere)
            for name, array in _arrays(state, records).items():
                array[...] = stored[name]
            state.step = int(header["step"])
            records.done = int(header["done"])
    except MethexisError:
        raise
    except (KeyError, OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise MethexisError(
            f"checkpoint {path}: expected a whole checkpoint file, got a damaged or foreign one "
            f"({error})"
        ) from None
    return makers


def _arrays(state: State, records: Records) -> dict[str, NDArray[Any]]:
    """All arrays of a checkpoint under their names; the arrays themselves, not copies."""
    arrays: dict[str, NDArray[Any]] = {
        "diverged_step": state.diverged_step,
        "collapsed_step": state.collapsed_step,
        "alignment": records.alignment,
        "alignment_projected": records.alignment_projected,
    }
    arrays |= {f"student/{name}": value for name, value in records.student.items()}
    arrays |= {f"layer/{name}": value for name, value in records.layer.items()}
    nested: dict[str, list[list[Array]]] = {
        "weights": state.weights,
        "snapshots": records.weights,
    }
    for name, students in nested.items():
        for k, layers in enumerate(students):
            arrays |= {f"{name}/{k}/{i}": w for i, w in enumerate(layers)}
    for k, slots in enumerate(state.slots):
        for j, layers in enumerate(slots):
            arrays |= {f"slots/{k}/{j}/{i}": w for i, w in enumerate(layers)}
    arrays |= {f"residual_cov/{k}": cov for k, cov in enumerate(state.residual_cov)}
    return arrays


def _check_header(
    path: Path, plan: Plan, header: dict[str, Any], maker: dict[str, str], *, elsewhere: bool
) -> list[dict[str, str]]:
    if header["format"] != FORMAT_VERSION:
        raise MethexisError(
            f"checkpoint {path}: expected format {FORMAT_VERSION}, got {header['format']}"
        )
    if header["fingerprint"] != plan.fingerprint():
        raise MethexisError(
            f"checkpoint {path}: expected one of this very run, got one of a run with other "
            "settings; give another path or delete it"
        )
    makers: list[dict[str, str]] = header["makers"]
    last = makers[-1]
    if last == maker:
        return makers
    if not elsewhere:
        differing = [k for k in {**last, **maker} if last.get(k) != maker.get(k)]
        theirs, ours = (
            ", ".join(f"{k} {of.get(k, 'none')}" for k in differing) for of in (last, maker)
        )
        raise MethexisError(
            f"checkpoint {path}: expected one made with {ours}, got {theirs}, under which the bits "
            "are others; resume_elsewhere=True goes on all the same"
        )
    return [*makers, maker]
