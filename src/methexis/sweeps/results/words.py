"""What a sweep says of itself, in words."""

from __future__ import annotations

import numpy as np
import xarray as xr

from methexis.sweeps.results.swept import Swept


def sentence(sweep: Swept) -> str:
    """How much is done, how many networks were lost, where layers are most and least aligned."""
    counts = sweep.counts
    cells, tasks = _many(sweep.cells.count, "cell"), _many(len(sweep.tasks), "task")
    if counts["done"] < len(sweep.tasks):
        parts = [f"{count} {state}" for state, count in counts.items() if count]
        return f"{cells} in {tasks}: {', '.join(parts)}."
    lost, networks = lost_networks(sweep)
    told = f"{cells} in {tasks}, all done."
    if lost:
        told += f" {lost} of {_many(networks, 'network')} diverged or collapsed."
    ends = extremes(sweep)
    if ends is None:
        return told
    (most, high), (least, low) = ends
    return (
        f"{told} The worst pair of layers is most aligned at {most} ({high:.4f}) and least at "
        f"{least} ({low:.4f}), as medians over replicas."
    )


def lost_networks(sweep: Swept) -> tuple[int, int]:
    """How many networks of those that are done were lost, and how many there are."""
    data = sweep.data
    lost = (data["diverged_step"] >= 0) | (data["collapsed_step"] >= 0)
    done = int(data["done"].sum())
    return int(lost.where(data["done"], other=False).sum()), done * data.sizes["replica"]


def extremes(sweep: Swept) -> tuple[tuple[str, float], tuple[str, float]] | None:
    """The cells of the most and of the least aligned worst pair; None where there are no two."""
    values = sweep.data["worst_pair"].median("replica", skipna=True)
    flat = np.asarray(values, dtype=float).ravel()
    if np.isfinite(flat).sum() < 2 or not sweep.spec.axes:
        return None
    most, least = int(np.nanargmax(flat)), int(np.nanargmin(flat))
    return (place(sweep, values, most), flat[most]), (place(sweep, values, least), flat[least])


def place(sweep: Swept, values: xr.DataArray, cell: int) -> str:
    """A cell by the values of its parameters."""
    at = dict(zip(values.dims, np.unravel_index(cell, values.shape), strict=True))
    parts = []
    for axis in sweep.spec.axes:
        label = sweep.data[axis.dim]
        value = label.isel({dim: k for dim, k in at.items() if dim in label.dims}).item()
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        parts.append(f"{axis.dim} = {shown}")
    return ", ".join(parts)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
