"""The numbers of a task at its end: what a sweep keeps of every network besides the whole run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.sweeps.building import CELL
from methexis.training.records.run import Run

#: Quantities of a student at the end, with what each is.
OF_STUDENTS = {
    "loss": "mean loss L",
    "accuracy": "share of samples of which the likeliest class is right",
    "entropy": "entropy S = E||∇ℓ||²",
    "entropy_ratio": "S / S_min",
    "hessian_trace": "trace of the Hessian of L",
    "sharpness": "largest eigenvalue of the Hessian of L",
}
#: Quantities of a network at the end.
OF_NETWORKS = {
    "worst_pair": "alignment of the least aligned pair of hidden layers",
    "diverged_step": "step at which the network diverged; -1 if it did not",
    "collapsed_step": "step at which the network collapsed; -1 if it did not",
}
#: What theory says of the cell of a student.
OF_THEORY = {"predicted_sharpness": "sharpness of the Platonic minimum"}
LONG_NAMES = OF_NETWORKS | OF_STUDENTS | OF_THEORY
#: Dimensions of each quantity besides those of cells.
DIMS = (
    dict.fromkeys(OF_NETWORKS, ("replica",))
    | dict.fromkeys(OF_STUDENTS, ("replica", "student"))
    | dict.fromkeys(OF_THEORY, ("student",))
)
_STEPS = ("diverged_step", "collapsed_step")


def numbers_of(run: Run) -> dict[str, NDArray[Any]]:
    """Numbers at the end of a run by name, ``(cell, *own)`` with the dimensions of `DIMS`."""
    data = run.data
    numbers: dict[str, NDArray[Any]] = {"worst_pair": run.worst_pair()[-1]}
    for name in _STEPS:
        numbers[name] = np.asarray(data[name].transpose(CELL, "replica"))
    for name in OF_STUDENTS:
        if name in data:
            last = data[name].isel(step=-1).transpose(CELL, "replica", "student")
            numbers[name] = np.asarray(last)
    for name in OF_THEORY:
        each = [
            _predicted(run.tree.children[f"student_{k}"], name, data)
            for k in range(run.num_students)
        ]
        numbers[name] = np.stack(each, axis=-1)
    return numbers


def _predicted(group: xr.DataTree, name: str, data: xr.Dataset) -> Array:
    """A closed form in every cell, where it has one value or one per level of label noise."""
    count = data.sizes[CELL]
    if name in group:
        return np.broadcast_to(np.asarray(group[name], dtype=np.float64), count)
    return np.full(count, float(group.attrs.get(name, np.nan)))


def empty(name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array for a quantity of which nothing is known yet."""
    if name in _STEPS:
        return np.full(shape, -1, dtype=np.int64)
    return np.full(shape, np.nan)


def lengths(numbers: Mapping[str, NDArray[Any]]) -> tuple[int, int]:
    """How many replicas and students there are, from the numbers of a task."""
    _, replicas, students = numbers["loss"].shape
    return replicas, students
