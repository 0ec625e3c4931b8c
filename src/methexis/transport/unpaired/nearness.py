"""How near images lie to the rows of the other side, and whether they find each other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.transport.held_out import unit
from methexis.transport.unpaired.profiles import Rows

#: Neighbours whose cosines say how near a sample is.
_NEAR = 3


def nearness(there: Array | Rows, other: Array | Rows) -> float:
    """Mean cosine with the nearest of the other side, over that within it, of as many rows."""
    count = min(len(there), len(other))
    cross = there[:count] @ other[:count].T
    within = other[:count] @ other[:count].T
    np.fill_diagonal(within, -np.inf)
    np.fill_diagonal(cross, -np.inf)  # as many candidates, and none of the same place
    among, apart = (float(np.mean(nearest_cosines(one))) for one in (within, cross))
    return apart / among


def nearest_cosines(cosines: Array | Rows) -> Array:
    """The mean of the largest few of each row."""
    k = min(_NEAR, cosines.shape[1] - 1)
    return np.asarray(np.partition(cosines, -k, axis=1)[:, -k:].mean(axis=1))


class Returned(NamedTuple):
    """Shares of rows that are the nearest of their nearest: across the sides, and within one."""

    across: float
    within: float
    queries: int


def returned(x: Any, y: Any, turn: Any, held: tuple[NDArray[np.int64], ...]) -> Returned:
    """How many held-out rows are the nearest of their nearest, the mean of both directions.

    Parameters
    ----------
    x, y : arrays (num_x, rx), (num_y, ry)
        Rows of length one.
    turn : array (rx, ry)
        Learnt without the rows that are held out.
    held : two arrays of int
        Which rows of x, and of y, these are. Their nearest are sought among all.
    """
    across, within = [], []
    for there, own, rows in (
        (np.asarray(unit(x @ turn), dtype=np.float32), y, held[1]),
        (np.asarray(unit(y @ turn.T), dtype=np.float32), x, held[0]),
    ):
        nearest = np.argmax(own[rows] @ there.T, axis=1)
        across.append(float(np.mean(np.argmax(there[nearest] @ own.T, axis=1) == rows)))
        nearest = _nearest_but_itself(own, rows)
        within.append(float(np.mean(_nearest_but_itself(own, nearest) == rows)))
    queries = len(held[0]) + len(held[1])
    return Returned(float(np.mean(across)), float(np.mean(within)), queries)


def _nearest_but_itself(own: Any, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    cosines = own[rows] @ own.T
    cosines[np.arange(len(rows)), rows] = -np.inf
    return np.asarray(np.argmax(cosines, axis=1))


def agreed(x: Any, y: Any, maps: tuple[Any, Any]) -> float:
    """Share of rows whose image under one map is nearest to its image under the other."""
    shares = []
    for first, second in (
        (unit(x @ maps[0]), unit(x @ maps[1])),
        (unit(y @ maps[0].T), unit(y @ maps[1].T)),
    ):
        shares.append(float(np.mean(np.argmax(first @ second.T, axis=1) == np.arange(len(first)))))
    return float(np.mean(shares))
