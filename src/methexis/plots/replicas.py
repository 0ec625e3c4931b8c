"""Many repetitions of one curve: each thin and faint, and their median thick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from methexis.plots.curve import Curve
from methexis.plots.mark import Look

Array = NDArray[np.float64]


def middle(values: Array) -> Array:
    """Median over replicas (last axis); NaN where any replica has none, so nothing is dropped.

    NaN as well where there are no replicas at all.
    """
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    return np.asarray(np.median(values, axis=-1))


def positive(values: Array) -> Array:
    """Values for a logarithmic axis; what rounding leaves at or below zero is not drawn."""
    return np.where(values > 0, values, np.nan)


def replicas(
    x: Array,
    values: Array,
    colour: str,
    name: str,
    *,
    order: float = 2,
    dashes: tuple[float, ...] = (),
) -> list[Curve]:
    """Marks of a quantity ``(time, replica)``: every replica faint, their median thick.

    The more replicas there are the fainter each of them is; of none there is nothing.
    """
    if not values.shape[-1]:
        return []
    alpha = faint(values.shape[-1])
    return [
        Curve(x, values, Look(colour, width=0.8, alpha=alpha, order=order)),
        Curve(x, middle(values), Look(colour, width=2.4, dashes=dashes, order=order + 1), name),
    ]


def faint(count: int) -> float:
    """How opaque each of so many curves is."""
    return float(np.clip(4.0 / max(count, 1), 0.12, 0.5))
