"""The folder of a sweep: where each thing of it lies, and whose it is.

::

    NAME.sweep/
        sweep.json      what the sweep is: its specification, and what its bits depend on
        journal.jsonl   what became of each task; written by the driver alone
        tasks/          a store for each task, a saved run; written by the worker of that task alone
        marks/          a file for each store that is whole: its seal, and its numbers at the end
        table.zarr      the numbers of all tasks, once all are done

A task goes through three moments: its store is written, its mark is put, the journal says that it
is done. A kill between any two leaves what the next driver goes on from: a store without a mark is
read, and marked if it is whole; a mark without a line in the journal is believed, and the line is
added. Nothing is taken for done that has no mark, and no mark is put before the store is sealed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from methexis.errors import MethexisError
from methexis.files import put_file
from methexis.sweeps.cutting import Task
from methexis.sweeps.design.spec import fingerprint
from methexis.text import json_text
from methexis.training import extension
from methexis.training.plan import numpy_versions

FORMAT_VERSION = 1
SUFFIX = ".sweep"
_HEAD = "sweep.json"


@dataclass(frozen=True)
class Folder:
    """The paths in a sweep's folder."""

    root: Path

    @property
    def head(self) -> Path:
        """What the sweep is."""
        return self.root / _HEAD

    @property
    def journal(self) -> Path:
        """What became of each task."""
        return self.root / "journal.jsonl"

    @property
    def table(self) -> Path:
        """The numbers of all tasks of a finished sweep."""
        return self.root / "table.zarr"

    def store(self, task: Task) -> Path:
        """The saved run of a task."""
        return self.root / "tasks" / f"{task.name}.zarr"

    def mark(self, task: Task) -> Path:
        """The file that says that the store of a task is whole."""
        return self.root / "marks" / f"{task.name}.npz"

    def desk(self, task: Task) -> Path:
        """What the worker of a task locks while it is at it."""
        return self.root / "tasks" / task.name

    def checkpoint(self, task: Task, maker: Mapping[str, str]) -> Path:
        """Where the run of a task goes on from, under the versions that made it."""
        return self.root / "tasks" / f"{task.name}-{fingerprint(maker)[:8]}.checkpoint"


def made_with() -> dict[str, str]:
    """What the bits of any run here depend on besides its plan: versions, instruction sets."""
    native = extension.instruction_set() if extension.BUILT else "none"
    return {**numpy_versions(), "native": str(native)}


def differing(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """What two machines differ in, in words; empty if nothing.

    Examples
    --------
    >>> differing({"methexis": "1.0", "numpy": "2.4"}, {"methexis": "1.1", "numpy": "2.4"})
    'methexis 1.0 and not 1.1'
    """
    names = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    return ", ".join(
        f"{name} {theirs.get(name, 'none')} and not {ours.get(name, 'none')}" for name in names
    )


def read_head(root: Path) -> dict[str, Any]:
    """What a folder says of its sweep.

    Raises
    ------
    MethexisError
        If it is no folder of a sweep, or one of a newer version.
    """
    try:
        head = json.loads((root / _HEAD).read_text(encoding="utf-8"))
        version = head["format"]
        known = isinstance(head["spec"], dict) and isinstance(head["made_with"], dict)
    except FileNotFoundError:
        raise MethexisError(f"sweep: expected the folder of a sweep, got {root}") from None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        known, version = False, 0
    if not known or not isinstance(version, int):
        raise MethexisError(f"sweep: expected the folder of a sweep, got {root} with another file")
    if version > FORMAT_VERSION:
        raise MethexisError(
            f"sweep: expected format {FORMAT_VERSION} or older at {root}, got {version}; update "
            "methexis"
        )
    return dict(head)


def write_head(folder: Folder, head: Mapping[str, Any]) -> None:
    """Say in a folder what its sweep is, whole or not at all."""
    text = json_text({"format": FORMAT_VERSION, **head})

    def write(new: Path) -> None:
        new.write_text(text + "\n", encoding="utf-8")

    put_file(folder.head, write)
