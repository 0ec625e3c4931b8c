"""Pictures of a sweep: a quantity over one or two of its axes, with the predicted boundary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from methexis import plots
from methexis.core.checks import Array, shown
from methexis.core.checks import sequence as members
from methexis.errors import MethexisError
from methexis.sweeps.results import edge
from methexis.sweeps.results.swept import Swept
from methexis.text import suggestion

#: What can be drawn besides the variables of a sweep's data.
LOST = "lost"
_LABELS = {
    "worst_pair": "alignment of the worst pair",
    "loss": "loss L",
    "accuracy": "accuracy",
    "entropy": "entropy S",
    "entropy_ratio": "S / S_min",
    "sharpness": "largest Hessian eigenvalue",
    "hessian_trace": "trace of the Hessian",
    "predicted_sharpness": "predicted sharpness",
    LOST: "share of networks lost",
}
#: Quantities that are shares.
_SHARES = {"worst_pair", "accuracy", LOST}
_MOST_NAMES = 6
#: Height of a picture, in pixels of the design.
_HEIGHT = 430


def quantities(sweep: Swept) -> list[str]:
    """Names of what can be drawn of a sweep."""
    return [name for name in _LABELS if name in sweep.data or name == LOST]


def picture(sweep: Swept, quantity: Any, over: Any) -> plots.HeatMap | plots.Panel:
    """A quantity over two dimensions as shades, over one as a line, of points as shaded points.

    Raises
    ------
    MethexisError
        On an unknown quantity or dimension.
    """
    names = quantities(sweep)
    if not isinstance(quantity, str) or quantity not in names:
        raise MethexisError(
            f"quantity: expected one of {', '.join(names)}, got {shown(quantity)}"
            f"{suggestion(str(quantity), names)}"
        )
    dims = _chosen(sweep, over)
    values = values_of(sweep, quantity)
    if sweep.cells.dims == ("cell",) and "cell" not in dims:
        return _points(sweep, values, quantity, dims)
    shared = values.median([d for d in values.dims if d not in dims], skipna=True)
    if len(dims) == 1:
        return _line(sweep, values, quantity, dims[0])
    return _shades(sweep, shared.transpose(*dims), quantity, dims)


def _chosen(sweep: Swept, over: Any) -> list[str]:
    """The dimensions to draw over: rows first."""
    known = [axis.dim for axis in sweep.spec.axes]
    if over is None:
        wide = [dim for dim in known if len(np.unique(np.asarray(sweep.data[dim]))) > 1]
        if not wide:
            raise MethexisError("over: expected an axis with several values, got none")
        # The learning rate runs along the columns, across which the edge lies.
        return sorted(wide[:2], key=lambda dim: dim == "lr")
    listed = [over] if isinstance(over, str) else members("over", over, "one or two axes")
    for dim in listed:
        if not isinstance(dim, str) or dim not in known:
            raise MethexisError(
                f"over: expected axes among {', '.join(known) or 'none'}, got {shown(dim)}"
                f"{suggestion(str(dim), known)}"
            )
    if len(set(listed)) != len(listed) or len(listed) not in {1, 2}:
        raise MethexisError(f"over: expected one or two different axes, got {shown(listed)}")
    return list(listed)


def values_of(sweep: Swept, quantity: str) -> xr.DataArray:
    """The quantity of healthy networks; of those lost their share."""
    data = sweep.data
    healthy = (data["diverged_step"] < 0) & (data["collapsed_step"] < 0)
    if quantity == LOST:
        return (~healthy).mean("replica").where(data["done"])
    values = data[quantity]
    return values.where(healthy) if "replica" in values.dims else values


def _shades(
    sweep: Swept, values: xr.DataArray, quantity: str, dims: Sequence[str]
) -> plots.HeatMap:
    numbers, label, low, high = _scaled(np.asarray(values, dtype=float), quantity)
    return plots.HeatMap(
        numbers,
        rows=_axis(sweep, dims[0]),
        columns=_axis(sweep, dims[1]),
        low=low,
        high=high,
        width=plots.style.PANEL,
        height=_HEIGHT,
        downwards=False,
        crossed=True,
        bar=label,
        bar_below=True,
        gaps=0.6 if max(numbers.shape) <= 24 else 0.0,
        marks=_edge(sweep, dims),
    )


def _edge(sweep: Swept, dims: Sequence[str]) -> tuple[plots.Mark, ...]:
    """The predicted boundary as a line through cells; nothing where theory draws none."""
    if edge.no_edge(sweep):
        return ()
    ratio = edge.stability(sweep)
    others = [dim for dim in ratio.dims if dim not in dims]
    table = np.asarray(ratio.median(others, skipna=True).transpose(*dims))
    # It is followed along the learning rate, whichever way that runs.
    if dims[0] == "lr":
        y, x = edge.crossing(table.T)
    else:
        x, y = edge.crossing(table)
    if len(x) == 0:
        return ()
    if len(x) == 1:  # a stroke across the one line of cells
        across = np.array([-0.5, 0.5])
        x, y = (x[0] + across, y[[0, 0]]) if dims[0] == "lr" else (x[[0, 0]], y[0] + across)
    look = plots.Look(plots.style.STUDENTS[1], width=2.4, dashes=(4, 2))
    return (plots.Curve(x, y, look, edge.name_of(sweep)),)


def _scaled(values: Array, quantity: str) -> tuple[Array, str, float, float]:
    """Values as they are drawn, how they are called, and the ends of their scale."""
    label = _LABELS[quantity]
    if quantity in _SHARES:
        return values, label, 0.0, 1.0
    finite = values[np.isfinite(values)]
    if finite.size and finite.min() > 0 and finite.max() > 20 * finite.min():
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(values)
        label, finite = f"log₁₀ of {label}", np.log10(finite)
    if not finite.size:
        return values, label, 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    return values, label, low, high if high > low else low + 1.0


def _line(sweep: Swept, values: xr.DataArray, quantity: str, dim: str) -> plots.Panel:
    """Medians over everything else, and each network as a point."""
    ordered = values.transpose(dim, ...)
    numbers = np.asarray(ordered, dtype=float).reshape(ordered.sizes[dim], -1)
    finite = numbers[np.isfinite(numbers)]
    wide = bool(finite.size and finite.min() > 0 and finite.max() > 20 * finite.min())
    places = np.repeat(np.arange(len(numbers)), numbers.shape[1])
    faint = plots.Look(plots.style.SGD, size=12, alpha=0.4, width=0)
    marks: list[plots.Mark] = [plots.Dots(places, numbers.ravel(), faint)]
    look = plots.Look(plots.style.SGD, width=2.0)
    marks.append(plots.Curve(np.arange(len(numbers)), plots.middle(numbers), look, "median"))
    axis = _axis(sweep, dim)
    x = replace(axis, low=-0.5, high=len(numbers) - 0.5)
    share = (0.0, 1.03) if quantity in _SHARES else (None, None)
    y = plots.Axis(_LABELS[quantity], "log" if wide else "linear", low=share[0], high=share[1])
    return plots.Panel(x, y, tuple(marks), width=plots.style.PANEL, height=_HEIGHT)


def _points(sweep: Swept, values: xr.DataArray, quantity: str, dims: Sequence[str]) -> plots.Panel:
    """Cells of a design as points at their parameters, dark where the quantity is large."""
    shared = np.asarray(
        values.median([d for d in values.dims if d != "cell"], skipna=True), dtype=float
    )
    numbers, label, low, high = _scaled(shared, quantity)
    known = np.isfinite(numbers)
    first = np.asarray(sweep.data[dims[-1]])
    if first.dtype.kind not in "fiu":
        raise MethexisError(f"over: expected an axis of numbers, got {dims[-1]}")
    shades = (numbers[known] - low) / (high - low)
    look = plots.Look(plots.style.INK, size=26, width=0.4)
    x = plots.Axis(_named(sweep, dims[-1]), _scale(first))
    if len(dims) == 1:
        mark: plots.Mark = plots.Dots(first[known], numbers[known], look)
        return plots.Panel(x, plots.Axis(label), (mark,), width=plots.style.PANEL, height=_HEIGHT)
    second = np.asarray(sweep.data[dims[0]])
    if second.dtype.kind not in "fiu":
        raise MethexisError(f"over: expected an axis of numbers, got {dims[0]}")
    mark = plots.Dots(first[known], second[known], look, shades=shades)
    y = plots.Axis(_named(sweep, dims[0]), _scale(second))
    title = f"{label}: dark {low:.3g}, bright {high:.3g}"
    return plots.Panel(x, y, (mark,), width=plots.style.PANEL, height=_HEIGHT, title=title)


def _scale(values: Array) -> str:
    return "log" if values.min() > 0 and values.max() > 20 * values.min() else "linear"


def _axis(sweep: Swept, dim: str) -> plots.Axis:
    """An axis of cells, of which some are named."""
    values = np.asarray(sweep.data[dim])
    every = max(1, -(-len(values) // _MOST_NAMES))
    numbers = values.dtype.kind == "f"
    names = [f"{float(v):.3g}" if numbers else str(v) for v in values]
    return plots.Axis(
        _named(sweep, dim),
        ticks=tuple(range(0, len(names), every)),
        names=tuple(names[::every]),
        grid=False,
    )


def _named(sweep: Swept, dim: str) -> str:
    return next(axis.parameter for axis in sweep.spec.axes if axis.dim == dim)
