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
    """Shares of rows that are the nearest of what is nearest to them, and of what is second.

    Both across the sides, and within one, as pairs (nearest, second); means of both directions.
    """

    across: tuple[float, float]
    within: tuple[float, float]
    queries: int


def returned(x: Any, y: Any, turn: Any, held: tuple[NDArray[np.int64], ...]) -> Returned:
    """How many held-out rows return from their nearest, and from what is second nearest.

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
        across.append(
            [float(np.mean(_nearest(there[at], own) == rows)) for at in _two(own[rows] @ there.T)]
        )
        within.append(
            [
                float(np.mean(_nearest(own[at], own, but=at) == rows))
                for at in _two(_apart(own[rows] @ own.T, rows))
            ]
        )
    first, second = np.mean(across, axis=0), np.mean(within, axis=0)
    queries = len(held[0]) + len(held[1])
    return Returned(tuple(first.tolist()), tuple(second.tolist()), queries)


def _two(cosines: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nearest and the second nearest of each row."""
    nearest = np.argmax(cosines, axis=1)
    return nearest, np.argmax(_apart(cosines, nearest), axis=1)


def _nearest(rows: Any, own: Any, but: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    cosines = rows @ own.T
    return np.asarray(np.argmax(cosines if but is None else _apart(cosines, but), axis=1))


def _apart(cosines: Any, rows: NDArray[np.int64]) -> Any:
    """Cosines with no chance for one of each row; changes them."""
    cosines[np.arange(len(rows)), rows] = -np.inf
    return cosines


def agreed(x: Any, y: Any, maps: tuple[Any, Any]) -> float:
    """Share of rows whose image under one map is nearest to its image under the other."""
    shares = []
    for first, second in (
        (unit(x @ maps[0]), unit(x @ maps[1])),
        (unit(y @ maps[0].T), unit(y @ maps[1].T)),
    ):
        shares.append(float(np.mean(np.argmax(first @ second.T, axis=1) == np.arange(len(first)))))
    return float(np.mean(shares))
