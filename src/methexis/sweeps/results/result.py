"""`Sweep`: what a sweep measured, in all of its cells, and whole runs where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis import plots
from methexis.core.checks import integer, shown
from methexis.errors import MethexisError
from methexis.sweeps.folder import Folder
from methexis.sweeps.results import drawing, words
from methexis.sweeps.results.swept import Swept
from methexis.training.records.run import Run, open_run


@dataclass(frozen=True, eq=False)
class Sweep(Swept):
    """A sweep on disk: its specification, the state of every task, and what was measured.

    Attributes
    ----------
    path : Path
        Its folder.
    spec : Spec
        What it does.
    cells : Cells
        Its cells, with the value of each parameter.
    tasks : tuple of Task
        What its cells are cut into: each is one batched run.
    states : mapping from str to TaskState
        What became of each task, by its name.
    made_with : mapping from str to str
        Versions and instruction sets, on which its bits depend.
    """

    def run(self, task: int) -> Run:
        """The whole run of one task; its cells are along the dimension ``cell``.

        Parameters
        ----------
        task : int
            Its number; ``data["task"]`` has that of every cell.

        Raises
        ------
        MethexisError
            If there is no such task, or it is not done.

        Examples
        --------
        >>> import tempfile
        >>> import methexis as mx
        >>> spec = {
        ...     "source": {"dim_x": 2, "dim_y": 2},
        ...     "students": [{"width": 3, "depth": 3}],
        ...     "training": {"steps": 20},
        ...     "axes": {"optimiser.lr": [0.01, 0.02]},
        ... }
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     done = mx.sweep(spec, f"{folder}/small.sweep", progress=None)
        ...     done.data["worst_pair"].dims, done.run(0).cells
        (('lr', 'replica'), {'cell': 2})
        """
        number = integer("task", task, least=0, most=len(self.tasks) - 1)
        one = self.tasks[number]
        if self.states[one.name].state != "done":
            raise MethexisError(
                f"run: expected a task that is done, got task {number}, which is "
                f"{self.states[one.name].state}"
            )
        return open_run(Folder(self.path).store(one))

    def run_at(self, **labels: Any) -> Run:
        """The run of one cell, found by the values of its parameters.

        Parameters
        ----------
        **labels
            For every dimension of the cells its value: ``sweep.run_at(lr=0.1, width=8)``; of a
            design that is no grid ``cell=12``.

        Raises
        ------
        MethexisError
            If it is no cell of the sweep, or not done.
        """
        place = []
        for dim in self.cells.dims:
            if dim not in labels:
                raise MethexisError(f"run_at: expected a value of {dim}, got none")
            values = np.asarray(self.data[dim])
            wanted = labels.pop(dim)
            if values.dtype.kind in "fiu" and isinstance(wanted, int | float):
                at = np.flatnonzero(np.isclose(values, wanted, rtol=1e-9, atol=0.0))
            else:
                at = np.flatnonzero(values == wanted)
            if len(at) != 1:
                raise MethexisError(f"run_at: expected a value of {dim}, got {shown(wanted)}")
            place.append(int(at[0]))
        if labels:
            raise MethexisError(
                f"run_at: expected the dimensions {', '.join(self.cells.dims) or 'none'}, got "
                f"{shown(next(iter(labels)))}"
            )
        cell = int(np.ravel_multi_index(place, self.cells.shape)) if place else 0
        task = next(one for one in self.tasks if cell in one.cells)
        return self.run(task.number).cell(cell=task.cells.index(cell))

    def plot(
        self,
        ax: plots.Axes | None = None,
        *,
        quantity: str = "worst_pair",
        over: Sequence[str] | None = None,
    ) -> plots.Axes:
        """Draw a quantity over two axes of the sweep as shades, or over one as a line.

        Where theory knows at which learning rate descent becomes unstable, the edge
        ``η · sharpness = 2`` is drawn through the shades.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; on a new figure by default.
        quantity : str
            Name of a variable of `data`, or ``"lost"``, the share of networks that were lost.
        over : sequence of str, optional
            One or two dimensions; the first two with several values by default. Over all others
            the median is taken.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MethexisError
            On an unknown quantity or dimension, or where there is nothing to draw.
        """
        return plots.onto(ax, drawing.picture(self, quantity, over))

    @property
    def sentence(self) -> str:
        """How much is done, how many networks were lost, where layers are most aligned."""
        return words.sentence(self)

    def as_dict(self) -> dict[str, Any]:
        """The state of the sweep and of its lost tasks in plain types, for JSON."""
        return {
            "name": self.spec.name,
            "path": str(self.path),
            "sentence": self.sentence,
            "cells": self.cells.count,
            "axes": {axis.dim: axis.parameter for axis in self.spec.axes},
            "tasks": len(self.tasks),
            "states": self.counts,
            "interrupted": sum(state.interrupted for state in self.states.values()),
            "seconds": sum(state.seconds for state in self.states.values()),
            "lost": [
                {
                    "task": number,
                    "tries": self.states[self.tasks[number].name].tries,
                    "reason": reason,
                }
                for number, reason in self.lost.items()
            ],
            "digest": self.spec.digest(),
            "made_with": dict(self.made_with),
        }

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` with a row for each network: cell, replica and student."""
        return self.data.to_dataframe().reset_index()

    def _facts(self) -> dict[str, object]:
        counts = {state: count for state, count in self.counts.items() if count}
        facts: dict[str, object] = {"name": self.spec.name, "cells": self.cells.count}
        facts |= {"tasks": len(self.tasks)} | counts
        return facts | {"axes": " × ".join(axis.dim for axis in self.spec.axes) or None}
