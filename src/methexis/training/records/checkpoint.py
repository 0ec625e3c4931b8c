"""Checkpoints: a run killed at any moment goes on to the same bits.

A checkpoint is one ``.npz`` file (no pickles) written beside its final name and renamed onto it, so
that it is whole or absent. It holds the plan's fingerprint, the engine and versions that made its
bits, the state and the records so far, and a fingerprint of all that. One run at a time goes on
from a file. All of it is written each time: the cost grows with what was recorded, which is why
`Checkpoints` lets the time between two of them grow with what one takes.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError
from methexis.files import alone, put_file
from methexis.training.engines.state import State
from methexis.training.plan import Plan
from methexis.training.records.recording import Records

#: 3: a fingerprint of all that it holds. 4: spectra, and costly quantities of some networks only.
FORMAT_VERSION = 4
#: Least seconds between checkpoints,
CHECKPOINT_SECONDS = 10.0
#: and least seconds of work per second of writing them.
_WORK_PER_WRITING = 20.0
#: Most bytes of a checkpoint's own header, and of the header that NumPy writes for an array.
_MOST_HEADER, _MOST_NPY_HEADER = 1 << 20, 1 << 12


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

    @contextmanager
    def resumed(self, maker: dict[str, str], *, elsewhere: bool) -> Iterator[None]:
        """Go on from the file if it is there, as the only run that does; see `load_checkpoint`.

        Raises
        ------
        MethexisError
            If another run does, or the file is no whole checkpoint of this plan.
        """
        self.makers = [maker]
        if self.path is None:
            yield
            return
        with ExitStack() as stack:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(alone(self.path, "checkpoint"))
            except OSError as error:
                raise MethexisError(
                    f"checkpoint: expected to write {self.path}, got: {error.strerror or error}"
                ) from None
            self.makers = load_checkpoint(
                self.path, self.plan, self.state, self.records, maker, elsewhere=elsewhere
            )
            yield

    def save(self) -> None:
        """Write the checkpoint's file, if it has a path."""
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
    """Write a checkpoint, whole or not at all.

    ``makers`` is what made the run so far, the present one last: engine and versions.

    Raises
    ------
    MethexisError
        If the file cannot be written; an older checkpoint is then left as it was.
    """
    arrays = _arrays(state, records)
    header = {
        "format": FORMAT_VERSION,
        "fingerprint": plan.fingerprint(),
        "makers": makers,
        "step": state.step,
        "done": records.done,
    }
    header["digest"] = _digest(header, arrays)

    def write(new: Path) -> None:
        with new.open("xb") as file:
            np.savez(file, allow_pickle=False, header=_bytes(header), **arrays)

    try:
        put_file(path, write)
    except OSError as error:
        raise MethexisError(
            f"checkpoint: expected to write {path}, got: {error.strerror or error}"
        ) from None


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
        If the file is no whole checkpoint of this plan; state and records are then as they were.
    """
    if not path.exists():
        return [maker]
    expected = _arrays(state, records)
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(_member(archive, "header", None).tobytes())
            makers = _check_header(path, plan, header, maker, elsewhere=elsewhere)
            arrays = {name: _member(archive, name, array) for name, array in expected.items()}
        if header.pop("digest", None) != _digest(header, arrays):
            raise ValueError("its content is not what was written")
        step, done = _counters(plan, header)
    except MethexisError:
        raise
    except Exception as error:  # of whatever type: zipfile and zlib raise a dozen
        text = " ".join(str(error).split()) or type(error).__name__
        raise MethexisError(
            f"checkpoint {path}: expected a whole checkpoint file, got a damaged or foreign one "
            f"({text})"
        ) from None
    for name, array in expected.items():
        array[...] = arrays[name]
    state.step, records.done = step, done
    return makers


def _bytes(header: dict[str, Any]) -> NDArray[Any]:
    return np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)


def _digest(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> str:
    """Fingerprint of all that a checkpoint holds."""
    fingerprint = blake2b(json.dumps(header, sort_keys=True).encode(), digest_size=16)
    for name, array in arrays.items():
        fingerprint.update(f"{name} {array.dtype.str} {array.shape}".encode())
        fingerprint.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return fingerprint.hexdigest()


def _member(archive: zipfile.ZipFile, name: str, like: NDArray[Any] | None) -> NDArray[Any]:
    """One array, of exactly the type and shape of ``like``; nothing larger is ever read."""
    most = _MOST_HEADER if like is None else like.nbytes + _MOST_NPY_HEADER
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > most or info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is not of the size that this run has")
    stream = io.BytesIO(archive.read(info))
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"{name} is no array of ours")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    content = stream.read()
    if like is None:
        return np.frombuffer(content, dtype=np.uint8)
    if shape != like.shape or dtype != like.dtype or len(content) != like.nbytes:
        raise ValueError(f"{name}: expected {like.dtype} {like.shape}, got {dtype} {shape}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _counters(plan: Plan, header: dict[str, Any]) -> tuple[int, int]:
    """Step and number of records, which must be those of one moment of this plan."""
    step, done = header["step"], header["done"]
    if type(step) is not int or type(done) is not int or not 0 <= done <= len(plan.record):
        raise ValueError(f"expected a step and a number of records, got {step!r} and {done!r}")
    least = int(plan.record[done - 1]) if done else 0
    most = int(plan.record[done]) if done < len(plan.record) else plan.steps
    if not least <= step <= most:
        raise ValueError(f"after {done} records expected a step in [{least}, {most}], got {step}")
    return step, done


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
        "spectra": records.spectra,
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
            f"checkpoint {path}: expected format {FORMAT_VERSION}, got {header['format']!r}"
        )
    if header["fingerprint"] != plan.fingerprint():
        raise MethexisError(
            f"checkpoint {path}: expected one of this very run, got one of a run with other "
            "settings; give another path or delete it"
        )
    makers: list[dict[str, str]] = header["makers"]
    if not makers or not all(isinstance(value, str) for m in makers for value in m.values()):
        raise ValueError("it does not say what made it")
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
