"""What two maps that were learnt apart say of each other, and of samples that neither has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.transport.held_out import placed, unit

#: Neighbours whose cosines say how near a sample is.
_NEAR = 3


@dataclass(frozen=True)
class Agreement:
    """How far two maps agree on rows that neither has seen, the mean of both directions.

    Attributes
    ----------
    consistency : float
        Share of rows whose image under one map is nearest to its image under the other.
    agreement : float
        Mean cosine of the two images of a row.
    nearness : float
        Mean cosine of images with the nearest held-out rows of the other side, over that of these
        with each other: 1 where images lie as they would if they were of the other side.
    candidates : int
        Among how many rows images are sought.
    """

    consistency: float
    agreement: float
    nearness: float
    candidates: int


def agreement_of(x: Any, y: Any, maps: tuple[Any, Any]) -> Agreement:
    """Compare two maps on held-out rows of both sides.

    Parameters
    ----------
    x, y : arrays (num_x, rx), (num_y, ry)
    maps : two arrays (rx, ry)
        Rows of x times a map are compared with rows of y, rows of y times its transpose with x.
    """
    first, second = maps
    there = [unit(x @ one) for one in (first, second)]
    back = [unit(y @ one.T) for one in (first, second)]
    consistency = [float(placed(*pair).first.mean()) for pair in (there, back)]
    cosines = [float(np.sum(pair[0] * pair[1], axis=1).mean()) for pair in (there, back)]
    near = [nearness(unit(x) @ one, unit(y)) for one in maps]
    return Agreement(
        float(np.mean(consistency)), float(np.mean(cosines)), float(np.mean(near)),
        min(len(x), len(y)),
    )  # fmt: skip


def nearness(there: Array, other: Array) -> float:
    """Mean cosine with the nearest of the other side, over that within it, of as many rows."""
    count = min(len(there), len(other))
    cross = there[:count] @ other[:count].T
    within = other[:count] @ other[:count].T
    np.fill_diagonal(within, -np.inf)
    np.fill_diagonal(cross, -np.inf)  # as many candidates, and none of the same place
    among, apart = (float(np.mean(nearest_cosines(one))) for one in (within, cross))
    return apart / among


def nearest_cosines(cosines: Array) -> Array:
    """The mean of the largest few of each row."""
    k = min(_NEAR, cosines.shape[1] - 1)
    return np.asarray(np.partition(cosines, -k, axis=1)[:, -k:].mean(axis=1))
