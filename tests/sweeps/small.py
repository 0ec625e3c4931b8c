"""A sweep that is small enough to be done many times: four cells in two tasks."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import xarray as xr

import methexis as mx
from methexis.sweeps import Sweep

TOML = """\
# learning rates over widths
name = "small"

[source]
dim_x = 2
dim_y = 2

[[students]]
kind = "edln"
depth = 3

[optimiser]
name = "SGD"

[training]
steps = 30
batch = 2
replicas = 2
record = [0]

[axes]
optimiser.lr = [0.01, 0.02]
students.width = [2, 3]
"""


def spec(**tables: Any) -> dict[str, Any]:
    """The same as a mapping, with tables in place of its own."""
    given: dict[str, Any] = {
        "name": "small",
        "source": {"dim_x": 2, "dim_y": 2},
        "students": [{"kind": "edln", "depth": 3}],
        "training": {"steps": 30, "batch": 2, "replicas": 2, "record": [0]},
        "axes": {"optimiser.lr": [0.01, 0.02], "students.width": [2, 3]},
    }
    return copy.deepcopy({**given, **tables})


def do(out: Path, given: Any = None, **options: Any) -> Sweep:
    return mx.sweep(spec() if given is None else given, out, progress=None, **options)


def same_bits(one: Sweep, other: Sweep) -> bool:
    """Whether all numbers and all whole runs of two sweeps are the same, cell by cell."""
    if not one.data.drop_vars("task").equals(other.data.drop_vars("task")):
        return False
    ours, theirs = cells_of(one), cells_of(other)
    return all(_equal(ours[cell], theirs[cell]) for cell in range(one.cells.count))


def cells_of(sweep: Sweep) -> dict[int, mx.Run]:
    """The run of every cell."""
    cells = {}
    for task in sweep.tasks:
        run = sweep.run(task.number)
        cells |= {cell: run.cell(cell=k) for k, cell in enumerate(task.cells)}
    return cells


def _equal(one: mx.Run, other: mx.Run) -> bool:
    def arrays(run: mx.Run) -> dict[str, xr.Dataset]:
        return {node.path: node.to_dataset(inherit=False) for node in run.tree.subtree}

    ours, theirs = arrays(one), arrays(other)
    return ours.keys() == theirs.keys() and all(
        ours[path].drop_attrs().equals(theirs[path].drop_attrs()) for path in ours
    )
