"""Drawing of what a run measured along its steps, on axes: a curve per cell and student."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from methexis import plots
from methexis.core.checks import Array, one_of
from methexis.training.records.storage import MEASURED_NETWORKS, MEASURED_STEPS

#: What can be drawn, and how its axis is called.
QUANTITIES = {
    "worst_pair": "alignment of the worst pair (1 = same)",
    "loss": "loss L (squared label units)",
    "entropy": "entropy S (squared gradient)",
    "entropy_ratio": "entropy S / its least value",
    "sharpness": "largest Hessian eigenvalue",
    "hessian_trace": "trace of the Hessian",
}
#: Most curves of which every one is named.
_MOST_NAMED = 6

Curves = list[tuple[str, Array, Array]]


def along_steps(
    data: xr.Dataset,
    healthy: NDArray[np.bool_],
    ax: plots.Axes | None,
    *,
    quantity: str,
    projected: bool,
) -> plots.Axes:
    """Draw one quantity over slow time, or over steps where there is no noise.

    Raises
    ------
    MethexisError
        If there is no such quantity, or no replica of which it was measured.
    """
    one_of("quantity", quantity, tuple(QUANTITIES))
    curves, clock = _curves(data, healthy, quantity, projected=projected)
    marks = [mark for k, one in enumerate(curves) for mark in _marks(one, k, len(curves))]
    times = np.concatenate([[np.nan], *(x for _, x, _ in curves)])
    x = plots.Axis(clock, "log" if (times > 0).any() else "linear")
    shown = QUANTITIES[quantity] + (", on the minima" if projected else "")
    bounds = (0.0, 1.03) if quantity == "worst_pair" else (None, None)
    y = plots.Axis(shown, low=bounds[0], high=bounds[1])
    return plots.onto(ax, plots.Panel(x, y, tuple(marks)))


def _curves(
    data: xr.Dataset, healthy: NDArray[np.bool_], quantity: str, *, projected: bool
) -> tuple[Curves, str]:
    """Name, times and values ``(time, replica)`` of every curve, and what the times are."""
    name = ("alignment" if quantity == "worst_pair" else quantity) + "_projected" * projected
    values = _values(data, name)
    rows, networks = _measured(data, name)
    cells = [str(dim) for dim in data["diverged_step"].dims if dim != "replica"]
    students = ["student"] if "student" in values.dims else []
    values = values.transpose("step", *cells, *students, "replica")
    slow = bool((data["slow_time"] > 0).any())
    clock = data["slow_time"] if slow else data["step"]
    curves: Curves = []
    for place in _places(data, [*cells, *students]):
        at = {dim: index for dim, index in place.items() if dim in cells}
        alive = (healthy & networks)[tuple(at.values())]
        time = clock.isel({dim: index for dim, index in at.items() if dim in clock.dims})
        one = np.asarray(values.isel(place), dtype=float)[:, alive][rows]
        if one.size and np.isfinite(one).any():
            x = plots.positive(np.asarray(time, dtype=float)[rows])
            curves.append((_name(data, place), x, one))
    return curves, "slow time τ = Σ η²/B" if slow else "training step t"


def _values(data: xr.Dataset, name: str) -> xr.DataArray:
    """The variable at all records, of alignments the least; NaN where there is none."""
    if name not in data:
        return xr.full_like(data["loss"], np.nan)
    if "layer_a" in data[name].dims:
        return data[name].min(dim=("layer_a", "layer_b"), skipna=False)
    return data[name]


def _measured(data: xr.Dataset, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Steps ``(step,)`` and networks ``(*cells, replica)`` of which a variable was measured.

    Costly quantities may have been measured at some records and of some networks only. What was
    measured in vain, where no minimum is within reach, is NaN and interrupts a curve.
    """
    about = data[name].attrs if name in data else {}
    steps = np.asarray(data["step"])
    rows = np.isin(steps, np.atleast_1d(about.get(MEASURED_STEPS, steps)))
    shape = data["diverged_step"].shape
    networks = np.ones(shape, dtype=np.bool_)
    if MEASURED_NETWORKS in about:
        chosen = np.atleast_1d(about[MEASURED_NETWORKS]).astype(np.int64)
        networks = np.isin(np.arange(networks.size), chosen).reshape(shape)
    return rows, networks


def _places(data: xr.Dataset, dims: Sequence[str]) -> Iterator[dict[str, int]]:
    for index in product(*(range(data.sizes[dim]) for dim in dims)):
        yield dict(zip(dims, index, strict=True))


def _name(data: xr.Dataset, place: Mapping[str, int]) -> str:
    """The cell by its coordinates, and the number of the student."""
    parts = []
    for dim, index in place.items():
        label = data[dim].values[index] if dim in data.coords else index
        shown = f"{label:.4g}" if isinstance(label, float | np.floating) else str(label)
        parts.append(f"{dim} {shown}" if dim == "student" else f"{dim} = {shown}")
    return ", ".join(parts) or "median over replicas"


def _marks(curve: tuple[str, Array, Array], k: int, count: int) -> list[plots.Mark]:
    """Marks of a curve: all replicas and their median, or of many curves the medians alone."""
    name, x, values = curve
    if count <= _MOST_NAMED:
        return [*plots.replicas(x, values, plots.style.colour_of(k), name)]
    look = plots.Look(plots.style.shade_of(k, count), width=1.2)
    return [plots.Curve(x, plots.middle(values), look, name if k in {0, count - 1} else "")]
