"""What a worker does: one task, from its tables to a sealed store with a mark.

A worker writes nothing but the store and the mark of its task, under the lock of that task, so that
two of them (a driver was killed, another one began, the first one's worker still lives) never write
one store. What it finds whole it does not compute again. Whatever happens comes back as an
`Outcome`; an exception that reaches the driver is therefore the executor's, and never the task's.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.files import locked, put_file, put_folder
from methexis.progress import Progress, Silent
from methexis.sweeps.building import build
from methexis.sweeps.cutting import Task
from methexis.sweeps.design.spec import fingerprint
from methexis.sweeps.folder import Folder, differing, made_with
from methexis.sweeps.numbers import numbers_of
from methexis.text import sentence
from methexis.training.plan import Plan
from methexis.training.records.reading import FORMAT_VERSION, require_run
from methexis.training.records.run import Run, open_run
from methexis.training.records.storage import write_tree
from methexis.training.train import run_plan

#: Attribute of a store: which task it is of, and what its bits depend on.
TASK = "sweep_task"
#: Seconds for which a worker waits for another one at the same task, which is about to end.
_PATIENCE = 20.0
#: Multiply-adds of a run from which on it is worth a checkpoint: some ten seconds.
_LONG_WORK = 2e10
_MOST_HEADER = 1 << 16


@dataclass(frozen=True)
class Order:
    """What a worker is told: the task, the folder, and what the bits of the sweep depend on."""

    task: Task
    folder: Folder
    maker: Mapping[str, str]
    threads: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of an order.

    Attributes
    ----------
    kind : {"done", "raised", "busy", "stopped"}
        Raised is the task's own doing and counts as a try; busy is another worker at the same task;
        stopped is what no task can help: a full disk, another machine.
    reason : str
        In words, why it is not done.
    seconds : float
        How long it took.
    worst : float
        Median over networks of the worst pair at the end.
    """

    kind: str
    reason: str = ""
    seconds: float = 0.0
    worst: float = float("nan")


@dataclass(frozen=True)
class Mark:
    """What is known of a task that is done."""

    header: Mapping[str, Any]
    numbers: Mapping[str, NDArray[Any]] = field(repr=False)


def carry_out(order: Order, show: Progress | None = None) -> Outcome:
    """Do one task, or see that it is done."""
    began = time.monotonic()
    try:
        other = differing(order.maker, made_with())
        if other:
            return Outcome(
                "stopped",
                f"worker: expected {other}, on which the bits depend; give METHEXIS_ISA, or begin "
                "anew where all workers are alike",
            )
        worst = _under_lock(order, show or Silent())
    except _BusyError as error:
        return Outcome("busy", str(error))
    except OSError as error:
        return Outcome("stopped", _unwritable(order, error))
    except MethexisError as error:
        if isinstance(error.__context__, OSError):
            return Outcome("stopped", sentence(error))
        return Outcome("raised", sentence(error), time.monotonic() - began)
    except Exception as error:
        reason = f"{type(error).__name__}: {sentence(error)}"
        return Outcome("raised", reason, time.monotonic() - began)
    return Outcome("done", "", time.monotonic() - began, worst)


class _BusyError(Exception):
    """Another worker is at the task."""


def _under_lock(order: Order, show: Progress) -> float:
    folder, task = order.folder, order.task
    folder.desk(task).parent.mkdir(parents=True, exist_ok=True)
    lock = locked(folder.desk(task), "task", seconds=_PATIENCE)
    try:
        lock.__enter__()
    except MethexisError as error:
        raise _BusyError(str(error)) from None
    try:
        numbers = _done(order, show)
    finally:
        lock.__exit__(None, None, None)
    worst = np.asarray(numbers["worst_pair"], dtype=np.float64)
    return float(np.nanmedian(worst)) if np.isfinite(worst).any() else float("nan")


def _done(order: Order, show: Progress) -> Mapping[str, NDArray[Any]]:
    """The numbers of a task that has a mark, has a store to be marked, or is run now."""
    mark = read_mark(order.folder, order.task, order.maker)
    if mark is not None:
        return mark.numbers
    run = _stored(order)
    if run is None:
        run = _run(order, show)
    numbers = numbers_of(run)
    _put_mark(order, numbers, run)
    return numbers


def _stored(order: Order) -> Run | None:
    """The run in the store of a task; None where there is none, or one of other versions."""
    path = order.folder.store(order.task)
    if not path.exists():
        return None
    about = _about(path)
    if about.get("task") != order.task.name:
        raise MethexisError(
            f"{path.name}: expected the store of this task, got one of another sweep; move it away"
        )
    if about.get("maker") != fingerprint(order.maker):
        return None
    return open_run(path)


def _run(order: Order, show: Progress) -> Run:
    built = build(order.task.config, order.task.values)
    plan = built.plan(order.threads)
    checkpoint = order.folder.checkpoint(order.task, order.maker) if _is_long(plan) else None
    run = run_plan(plan, show, checkpoint)
    held = run.held.copy()
    held.attrs[TASK] = json.dumps({"task": order.task.name, "maker": fingerprint(order.maker)})
    put_folder(
        order.folder.store(order.task),
        lambda new: write_tree(held, new, FORMAT_VERSION),
        what="task",
        replaceable=require_run,
    )
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return Run(held)


def _is_long(plan: Plan) -> bool:
    """Whether a run may take longer than one likes to lose."""
    size = sum(problem.num_parameters for problem in plan.problems)
    return float(plan.steps) * plan.num_networks * plan.batch * size > _LONG_WORK


def _put_mark(order: Order, numbers: Mapping[str, NDArray[Any]], run: Run) -> None:
    header = {
        "task": order.task.name,
        "maker": fingerprint(order.maker),
        "seal": seal_of(order.folder.store(order.task)),
        "seconds": run.provenance.get("wall_time_s", 0.0),
    }

    def write(new: Path) -> None:
        content = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        with new.open("xb") as file:
            np.savez(file, allow_pickle=False, header=content, **numbers)

    put_file(order.folder.mark(order.task), write)


def read_mark(folder: Folder, task: Task, maker: Mapping[str, str]) -> Mark | None:
    """The mark of a task, if it has one that fits its store and what its bits depend on."""
    try:
        content = folder.mark(task).read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes()[:_MOST_HEADER])
            numbers = {name: arrays[name] for name in arrays.files if name != "header"}
        right = header["task"] == task.name and header["maker"] == fingerprint(maker)
        if not right or header["seal"] != seal_of(folder.store(task)):
            return None
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile, EOFError):
        return None
    return Mark(header, numbers)


def seal_of(store: Path) -> str:
    """The fingerprint that a sealed store has of itself."""
    attributes = json.loads((store / "zarr.json").read_text(encoding="utf-8"))["attributes"]
    return str(attributes["checksum"])


def _about(store: Path) -> dict[str, Any]:
    """What a store says of its task."""
    try:
        content = json.loads((store / "zarr.json").read_text(encoding="utf-8"))
        return dict(json.loads(content["attributes"][TASK]))
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _unwritable(order: Order, error: OSError) -> str:
    return (
        f"task: expected to write {order.folder.root}, got: {error.strerror or error}; nothing is "
        "lost, the same command goes on"
    )
