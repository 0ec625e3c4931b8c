"""`Swept`: a sweep as it lies on disk; what pictures and words of it are made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from methexis.core.parallel.caching import cached_property
from methexis.display import Displayed
from methexis.sweeps.cutting import Task
from methexis.sweeps.design.axes import Cells
from methexis.sweeps.design.spec import Spec
from methexis.sweeps.folder import Folder
from methexis.sweeps.journal import STATES, TaskState
from methexis.sweeps.table import assembled, read_table, tasks_fingerprint
from methexis.sweeps.working import read_mark


@dataclass(frozen=True, eq=False)
class Swept(Displayed):
    """A sweep on disk: its specification, the state of every task, and what was measured."""

    path: Path
    spec: Spec
    cells: Cells
    tasks: tuple[Task, ...]
    states: Mapping[str, TaskState]
    made_with: Mapping[str, str]

    @cached_property
    def data(self) -> xr.Dataset:
        """Numbers at the end of every network, ``(*axes, replica[, student])``; NaN if not done.

        A grid has a dimension for each axis, every other design the dimension ``cell``, with the
        parameters as coordinates. Of a finished sweep numbers are read from the disk when they are
        asked for.
        """
        folder = Folder(self.path)
        table = read_table(folder, tasks_fingerprint(self.tasks, self.made_with))
        if table is not None:
            return table
        marks = [read_mark(folder, task, self.made_with) for task in self.tasks]
        return assembled(self.spec, self.cells, self.tasks, marks)

    @property
    def counts(self) -> dict[str, int]:
        """How many tasks are waiting, running, done and lost."""
        counted = Counter(state.state for state in self.states.values())
        return {state: counted[state] for state in STATES}

    @property
    def done(self) -> bool:
        """Whether all tasks are done."""
        return self.counts["done"] == len(self.tasks)

    @property
    def lost(self) -> dict[int, str]:
        """Tasks that raised as often as they might, by number, with the reason."""
        return {
            task.number: self.states[task.name].reason
            for task in self.tasks
            if self.states[task.name].state == "lost"
        }
