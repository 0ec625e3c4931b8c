"""The journal of a sweep: a line for whatever becomes of a task, appended by the driver alone.

One file that only grows costs one write for each event, whatever the number of tasks. A kill leaves
at most half of its last line, which the next driver cuts off. What a task is now follows from its
lines, in their order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

STATES = ("waiting", "running", "done", "lost")


@dataclass(frozen=True)
class TaskState:
    """What became of one task so far.

    Attributes
    ----------
    state : {"waiting", "running", "done", "lost"}
        Lost is a task that raised as often as it may; ``retry`` lets it wait again.
    tries : int
        How often it raised. A worker that died under it does not count.
    reason : str
        What it raised last, or why it is waiting again.
    interrupted : int
        How often a worker was lost under it.
    seconds : float
        How long its worker took.
    """

    state: str = "waiting"
    tries: int = 0
    reason: str = ""
    interrupted: int = 0
    seconds: float = 0.0


class Journal:
    """The journal while a driver writes it; to be opened under the driver's lock.

    Parameters
    ----------
    path : Path
        The file; made if missing.

    Raises
    ------
    OSError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            self._file.truncate(whole)

    def write(self, task: str, state: TaskState, *, through: bool = True) -> None:
        """Append what became of a task, and write it through to the disk unless told not to.

        Raises
        ------
        OSError
            If it cannot be written; half a line is then cut off.
        """
        event = {"task": task, **{k: v for k, v in vars(state).items() if v or k == "state"}}
        before = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(json.dumps(event).encode() + b"\n")
            self._file.flush()
            if through:
                os.fsync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), before)
            raise

    def close(self) -> None:
        """Close the file of the journal."""
        self._file.close()


def read_states(path: Path) -> dict[str, TaskState]:
    """What became of each task that the journal names, by the names of tasks.

    A task that was running when its driver ended is still told as running: whether a driver is at
    it is not written in the journal.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    states: dict[str, TaskState] = {}
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        try:
            event: dict[str, Any] = json.loads(line)
            task = event.pop("task")
            states[task] = _state(event)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # a line that is none of ours says nothing of a task
    return states


def waiting_again(state: TaskState, reason: str) -> TaskState:
    """The state of a task whose worker was lost: it waits, and its tries are what they were."""
    return replace(
        state, state="waiting", reason=reason, interrupted=state.interrupted + 1, seconds=0.0
    )


def _state(event: Mapping[str, Any]) -> TaskState:
    state = TaskState(**event)
    if state.state not in STATES:
        raise ValueError(state.state)
    return state
