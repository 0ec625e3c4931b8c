"""Axes: which parameters a sweep turns, over which values; and designs, which cells these make.

A grid takes every combination, a list one cell for each place of all axes, a random design points
drawn uniformly between the ends of the axes, and a Sobol design points that fill the space evenly.
Sobol points are shifted as a whole by random numbers of the seed, modulo one [1]_: the shift keeps
them even, takes the first one away from the corner, and is ours, so that the points are the same
under every version of SciPy.

References
----------
.. [1] R. Cranley and T. N. L. Patterson, SIAM Journal on Numerical Analysis 13, 904 (1976).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import qmc

from methexis.core.checks import Array, integer, one_of
from methexis.errors import MethexisError
from methexis.sweeps.design.keys import SPAN, Key, typed
from methexis.sweeps.design.lines import KeyPath
from methexis.sweeps.design.places import Places
from methexis.text import suggestion

DESIGNS = ("grid", "list", "random", "sobol")
SCALES = ("linear", "log")
#: Most cells of a sweep.
MOST_CELLS = 10**6


@dataclass(frozen=True)
class Axis:
    """A parameter with its values, or with the ends between which they lie.

    Attributes
    ----------
    parameter : str
        Its dotted name, such as ``optimiser.lr``.
    dim : str
        Its name in results.
    kind : str
        What its values are, as in `keys.KINDS`.
    place : tuple
        Where it stands in the specification.
    values : tuple or None
        Its values, where they are listed.
    low, high, num, scale :
        Else the ends, how many values a grid has between them, and how these are spaced.
    """

    parameter: str
    dim: str
    kind: str
    place: KeyPath
    values: tuple[Any, ...] | None = None
    low: float = 0.0
    high: float = 0.0
    num: int | None = None
    scale: str = "linear"

    def plain(self) -> Any:
        """The axis as a specification has it."""
        if self.values is not None:
            return list(self.values)
        ends = {"low": self.low, "high": self.high, "scale": self.scale}
        return ends | ({} if self.num is None else {"num": self.num})

    def spread(self, shares: Array) -> list[Any]:
        """Values at shares of the way from one end to the other; integers are rounded."""
        if self.scale == "log":
            way = np.exp(math.log(self.low) + shares * math.log(self.high / self.low))
        else:
            way = self.low + shares * (self.high - self.low)
        ended = np.clip(way, self.low, self.high)
        ended[shares == 0.0], ended[shares == 1.0] = self.low, self.high
        if self.kind == "integer":
            return [round(value) for value in ended.tolist()]
        return [float(value) for value in ended]


@dataclass(frozen=True)
class Design:
    """How axes make cells: its kind, and where cells are drawn how many and with which seed."""

    kind: str = "grid"
    count: int | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Cells:
    """All cells of a sweep, in their order.

    Attributes
    ----------
    dims : tuple of str
        Dimensions of results: those of the grid, else ``cell``.
    shape : tuple of int
        Their lengths.
    columns : mapping from str to list
        The value of each parameter in every cell.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    columns: Mapping[str, list[Any]]

    @property
    def count(self) -> int:
        """Number of cells of the sweep."""
        return math.prod(self.shape)


def read_axis(
    parameter: str, dim: str, key: Key, given: Any, place: KeyPath, places: Places
) -> Axis:
    """Check one axis: its values, or its ends.

    Raises
    ------
    MethexisError
        With the line of what is wrong.
    """
    if isinstance(given, Mapping):
        return _span(parameter, dim, key, given, place, places)
    if not isinstance(given, list | tuple) or not given:
        raise places.error(place, "expected a list of values, or a table with low and high")
    values = []
    for k, value in enumerate(given):
        with places.about((*place, k) if (*place, k) in places.lines else place):
            values.append(typed(key.kind, value))
    return Axis(parameter, dim, key.kind, place, tuple(values))


def _span(
    parameter: str, dim: str, key: Key, given: Mapping[str, Any], place: KeyPath, places: Places
) -> Axis:
    ends: dict[str, Any] = {}
    for name, value in given.items():
        if name not in SPAN:
            raise places.error(
                (*place, name),
                f"expected keys among {', '.join(SPAN)}, got {name!r}"
                f"{suggestion(str(name), list(SPAN))}",
            )
        with places.about((*place, name)):
            ends[name] = typed(SPAN[name].kind, value)
    for name in ("low", "high"):
        if name not in ends:
            raise places.error(place, f"expected low and high, got no {name}")
    if key.kind not in {"integer", "number"}:
        raise places.error(place, f"expected a list of values, got ends of {key.kind} values")
    scale = ends.setdefault("scale", "linear")
    with places.about(place, {"scale": (*place, "scale"), "num": (*place, "num")}):
        one_of("scale", scale, SCALES)
        if "num" in ends:
            integer("num", ends["num"], least=2, most=MOST_CELLS)
    if not ends["low"] < ends["high"]:
        raise places.error(
            place, f"expected low below high, got {ends['low']:g} and {ends['high']:g}"
        )
    if scale == "log" and ends["low"] <= 0:
        raise places.error((*place, "low"), f"expected low > 0 of a log scale, got {ends['low']:g}")
    return Axis(parameter, dim, key.kind, place, **ends)


def make_cells(axes: Sequence[Axis], design: Design, places: Places) -> Cells:
    """The cells of a design, in their order; of a grid the last axis runs fastest.

    Raises
    ------
    MethexisError
        If the axes and the design do not go together.
    """
    where = ("design", "kind") if ("design", "kind") in places.lines else ("design",)
    with places.about(where):
        one_of("design", design.kind, DESIGNS)
    if design.kind in {"random", "sobol"}:
        return _drawn(axes, design, places)
    if design.count is not None:
        raise places.error(
            ("design", "count"), f"expected none with kind {design.kind!r}, got {design.count}"
        )
    columns = {axis.parameter: _listed(axis, places) for axis in axes}
    if design.kind == "list":
        return _rows(axes, columns, places)
    shape = tuple(len(values) for values in columns.values())
    if math.prod(shape) > MOST_CELLS:
        raise places.error(
            ("axes",), f"expected at most {MOST_CELLS} cells, got {' × '.join(map(str, shape))}"
        )
    for axis in axes:
        values = columns[axis.parameter]
        different = len({repr(value) for value in values})
        if different < len(values):
            raise places.error(
                axis.place,
                f"expected {len(values)} different values in a grid, got {different}; give fewer",
            )
    rows = list(product(*columns.values()))
    each = {name: [row[k] for row in rows] for k, name in enumerate(columns)}
    return Cells(tuple(axis.dim for axis in axes), shape, each)


def _listed(axis: Axis, places: Places) -> list[Any]:
    if axis.values is not None:
        return list(axis.values)
    if axis.num is None:
        raise places.error(
            axis.place, "expected num, how many values lie between low and high, got none"
        )
    return axis.spread(np.linspace(0.0, 1.0, axis.num))


def _rows(axes: Sequence[Axis], columns: Mapping[str, list[Any]], places: Places) -> Cells:
    """Cells of a list: the first values of all axes, then the second ones."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{length} of {name}" for name, length in lengths.items())
        raise places.error(("axes",), f"expected as many values of each axis of a list, got {told}")
    count = next(iter(lengths.values()), 1)
    return Cells(("cell",) if axes else (), (count,) if axes else (), columns)


def _drawn(axes: Sequence[Axis], design: Design, places: Places) -> Cells:
    """Cells of points in the unit cube: one coordinate for each axis."""
    if not axes:
        raise places.error(("axes",), f"expected axes to draw from by {design.kind!r}, got none")
    with places.about(("design",)):
        if design.count is None:
            raise MethexisError(f"expected count, how many cells are drawn by {design.kind!r}")
        count = integer("count", design.count, least=1, most=MOST_CELLS)
        generator = np.random.default_rng(integer("seed", design.seed, least=0))
    if design.kind == "random":
        points = generator.random((count, len(axes)))
    else:
        power = max(0, math.ceil(math.log2(count)))
        points = qmc.Sobol(len(axes), scramble=False).random_base2(power)[:count]
        points = (points + generator.random(len(axes))) % 1.0
    columns = {}
    for axis, shares in zip(axes, points.T, strict=True):
        if axis.values is None:
            columns[axis.parameter] = axis.spread(shares)
        else:
            at = np.minimum((shares * len(axis.values)).astype(int), len(axis.values) - 1)
            columns[axis.parameter] = [axis.values[k] for k in at.tolist()]
    return Cells(("cell",), (count,), columns)
