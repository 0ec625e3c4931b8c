"""The table of a sweep: the numbers of all cells as one dataset, and as a store once all is done.

Tasks leave a mark each. Many small files are slow to open, so the driver of a finished sweep writes
their numbers once more into one store, of which nothing is read but what is asked for. It is made
from the marks alone and says of which; without it, or before all is done, the marks are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.files import put_folder
from methexis.sweeps.cutting import Task
from methexis.sweeps.design.axes import Cells
from methexis.sweeps.design.spec import Spec, fingerprint
from methexis.sweeps.folder import Folder
from methexis.sweeps.numbers import DIMS, LONG_NAMES, empty, lengths
from methexis.sweeps.working import Mark

#: Attribute of the root of the store: of which tasks it is, under which versions.
_OF = "sweep"
#: Names of variables with words, which zarr has no type for: the words stand in this attribute.
_WORDS = "words"
#: Quantities that are left out where no network has them.
_OPTIONAL = ("accuracy", "sharpness", "entropy", "entropy_ratio", "hessian_trace")


def tasks_fingerprint(tasks: Sequence[Task], maker: Mapping[str, str]) -> str:
    """What a table is the table of."""
    return fingerprint([[task.name for task in tasks], dict(maker)])


def assembled(
    spec: Spec, cells: Cells, tasks: Sequence[Task], marks: Sequence[Mark | None]
) -> xr.Dataset:
    """The dataset of all cells; what is not done yet is NaN."""
    known = [mark for mark in marks if mark is not None]
    replicas, students = (
        lengths(known[0].numbers)
        if known
        else (spec.tables["training"]["replicas"], len(spec.tables["students"]))
    )
    sizes = {"replica": replicas, "student": students}
    names = [name for name in DIMS if not known or any(name in one.numbers for one in known)]
    variables: dict[str, Any] = {}
    for name in names:
        values = empty(name, (cells.count, *(sizes[dim] for dim in DIMS[name])))
        for task, mark in zip(tasks, marks, strict=True):
            if mark is not None and name in mark.numbers:
                values[list(task.cells)] = mark.numbers[name]
        if name in _OPTIONAL and known and not np.isfinite(values).any():
            continue  # nobody measured it
        folded = values.reshape(*cells.shape, *values.shape[1:])
        variables[name] = ((*cells.dims, *DIMS[name]), folded, {"long_name": LONG_NAMES[name]})
    task_of = np.full(cells.count, -1)
    done = np.zeros(cells.count, dtype=np.bool_)
    for task, mark in zip(tasks, marks, strict=True):
        task_of[list(task.cells)] = task.number
        done[list(task.cells)] = mark is not None
    variables["task"] = (cells.dims, task_of.reshape(cells.shape), {"long_name": "task of a cell"})
    variables["done"] = (cells.dims, done.reshape(cells.shape), {"long_name": "whether it is done"})
    coords = {"replica": np.arange(replicas), "student": np.arange(students)}
    return xr.Dataset(variables, {**_coordinates(spec, cells), **coords})


def _coordinates(spec: Spec, cells: Cells) -> dict[str, Any]:
    """Values of the parameters along their own dimension of a grid, or along all cells."""
    coords: dict[str, Any] = {}
    grid = len(cells.dims) == len(spec.axes) and "cell" not in cells.dims
    for k, axis in enumerate(spec.axes):
        column = cells.columns[axis.parameter]
        about = {"parameter": axis.parameter}
        if grid:
            place = np.arange(cells.count).reshape(cells.shape)
            firsts = np.moveaxis(place, k, 0).reshape(cells.shape[k], -1)[:, 0]
            coords[axis.dim] = (axis.dim, _labels([column[i] for i in firsts]), about)
        else:
            coords[axis.dim] = ("cell", _labels(column), about)
    if cells.dims == ("cell",) and not grid:
        coords["cell"] = np.arange(cells.count)
    return coords


def _labels(column: Sequence[Any]) -> NDArray[Any]:
    """Numbers as numbers; lists of widths and truth values as words."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in column):
        return np.array(column)
    words = ["×".join(map(str, v)) if isinstance(v, list) else str(v) for v in column]
    return np.array(words, dtype=np.str_)


def write_table(folder: Folder, data: xr.Dataset, of: str) -> None:
    """Put the table of a finished sweep, whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    plain = data.copy()
    for name, value in data.variables.items():
        if value.dtype.kind == "U":
            about = {**value.attrs, _WORDS: value.values.tolist()}
            places = (value.dims, np.arange(value.size), about)
            plain = plain.drop_vars(str(name)).assign_coords({f"{name}": places})
    plain.attrs[_OF] = of

    def write(new: Path) -> None:
        plain.to_zarr(new, mode="w-", consolidated=False)

    put_folder(folder.table, write, what="table", replaceable=_require_table)


def read_table(folder: Folder, of: str) -> xr.Dataset | None:
    """The table, of which numbers are read when they are asked for; None where there is none."""
    try:
        attributes = json.loads((folder.table / "zarr.json").read_text("utf-8"))["attributes"]
        if attributes[_OF] != of:
            return None
        data = xr.open_dataset(folder.table, engine="zarr", consolidated=False, chunks=None)
    except (OSError, ValueError, LookupError, TypeError):
        return None
    for name in [str(name) for name, value in data.variables.items() if _WORDS in value.attrs]:
        about = dict(data[name].attrs)
        words = np.array(about.pop(_WORDS), dtype=np.str_)
        dims = data[name].dims
        data = data.drop_vars(name).assign_coords({name: (dims, words, about)})
    data.attrs.pop(_OF, None)
    order = [name for name in (*DIMS, "task", "done") if name in data]
    return data[order]  # folders keep none


def _require_table(path: Path) -> None:
    """See that a folder is a table of ours, so that it may be replaced."""
    try:
        attributes = json.loads((path / "zarr.json").read_text("utf-8"))["attributes"]
    except (OSError, ValueError, LookupError, TypeError):
        attributes = {}
    if _OF not in attributes:
        raise MethexisError(f"table: expected a table of a sweep to replace, got {path}")
