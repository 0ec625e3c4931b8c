"""A map without pairs made better: samples meet what lies nearest under the map so far.

Similarities under the map are corrected for how near a sample is to everything (CSLS: twice the
cosine, less the mean cosine of either sample with its ten nearest of the other side). Each sample
is paired with the *mean* of its nearest ``k`` of the other side, in both directions, because where
no partner is among the samples, the middle of its neighbours is the best guess of where it would
be. The best rotation of these pairs is the next map. It begins within the leading principal
directions of either side, where a poor map is right first, and ends in all of them. Every step
draws its own samples, so that no chance neighbours hold the map where it is. Where both sides hold
the same samples, rows that are each other's nearest are partners in the end, and teach as pairs do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from methexis.transport.unpaired.nearness import agreed
from methexis.transport.unpaired.profiles import Rows, drawn, polar

#: Neighbours whose cosines say how near a sample is to everything.
HUB = 10


class Step(NamedTuple):
    """How many samples of a side are drawn, neighbours are averaged, and directions are taken.

    `part` is the most of a side that is drawn.
    """

    samples: int
    neighbours: int
    directions: int | None
    part: float = 1.0


#: From a poor map: leading directions first.
LADDER = (
    *[Step(3000, 10, 20)] * 3,
    *[Step(3000, 10, 50)] * 3,
    *[Step(3000, 10, 100)] * 3,
    *[Step(3000, 10, 200)] * 3,
    *[Step(3000, 10, None)] * 4,
)
#: The same, but no step sees more than a part of the rows, so that what fits chance neighbours
#: alone falls apart.
SHAKEN = tuple(step._replace(part=0.4) for step in LADDER)
#: Most times that the ladder is gone through, rows by which the end is judged, and the share whose
#: images before and after have to be each other's nearest.
_ROUNDS, _JUDGED, _ENDS = 5, 1000, 0.9
#: From a map that is nearly right, where partners are not among the rows: more samples and fewer
#: neighbours.
CLOSING = (*[Step(6000, 5, None)] * 2, *[Step(9000, 3, None)] * 2)
#: The same from fewer samples, for maps that are only compared.
BRIEF = (*[Step(3000, 5, None)] * 2, *[Step(3000, 3, None)] * 2)
#: Most samples that are paired, most often, and the mean cosine of old and new images that ends it.
_PAIRED, _TIMES, _STAYS = 10_000, 12, 0.995


def refined(
    x: Rows, y: Rows, start: Rows, steps: Sequence[Step], generator: np.random.Generator
) -> Rows:
    """Take the steps, one after the other.

    Parameters
    ----------
    x, y : arrays (num_x, rx), (num_y, ry)
        Rows of length one, in principal coordinates.
    start : array (rx, ry)
        A partial isometry.
    steps : sequence of Step
    generator : Generator

    Returns
    -------
    array (rx, ry)
    """
    for step in steps:
        some_x, some_y = (one[_drawn(len(one), step, generator)] for one in (x, y))
        start = _next(some_x, some_y, start, step)
    return start


def climbed(
    x: Rows, y: Rows, start: Rows, steps: Sequence[Step], generator: np.random.Generator
) -> Rows:
    """Through a ladder, and again until images find themselves as they were before."""
    for _ in range(_ROUNDS):
        before, start = start, refined(x, y, start, steps, generator)
        if agreed(x[:_JUDGED], y[:_JUDGED], (before, start)) > _ENDS:
            break
    return start


def paired(x: Rows, y: Rows, start: Rows, generator: np.random.Generator) -> Rows:
    """The rotation that fits rows best that are each other's nearest: partners, where these are."""
    for _ in range(_TIMES):
        some_x, some_y = (one[drawn(len(one), _PAIRED, generator)] for one in (x, y))
        to_y, to_x = neighbours(np.asarray((some_x @ start) @ some_y.T, dtype=np.float32), 1)
        mutual = np.flatnonzero(to_x[to_y[:, 0], 0] == np.arange(len(some_x)))
        before, start = start, polar(some_x[mutual].T @ some_y[to_y[mutual, 0]])
        if float(np.sum((some_x @ before) * (some_x @ start)) / len(some_x)) > _STAYS:
            break
    return start


def _drawn(count: int, step: Step, generator: np.random.Generator) -> NDArray[np.int64]:
    return drawn(count, min(step.samples, max(HUB, int(step.part * count))), generator)


def _next(x: Rows, y: Rows, start: Rows, step: Step) -> Rows:
    near = np.asarray((x @ start) @ y.T, dtype=np.float32)
    to_y, to_x = neighbours(near, min(step.neighbours, len(x), len(y)))
    cut = slice(step.directions)
    of_x, of_y = x[:, cut], y[:, cut]
    cross = of_x.T @ _middle(of_y, to_y) + _middle(of_x, to_x).T @ of_y
    turned = np.zeros_like(start)
    turned[cut, cut] = polar(cross)
    return turned


def neighbours(near: Rows, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nearest ``k`` of the other side by CSLS, for rows and for columns; changes `near`."""
    back = np.ascontiguousarray(near.T)
    hub_x, hub_y = hubness(near), hubness(back)
    near -= 0.5 * hub_y
    back -= 0.5 * hub_x
    return _largest(near, k), _largest(back, k)


def hubness(near: Rows) -> Rows:
    """The mean of each row's largest entries."""
    k = min(HUB, near.shape[1])
    return np.asarray(np.partition(near, -k, axis=1)[:, -k:].mean(axis=1))


def _largest(near: Rows, k: int) -> NDArray[np.int64]:
    if k == 1:
        return np.asarray(np.argmax(near, axis=1)[:, None])
    return np.asarray(np.argpartition(near, -k, axis=1)[:, -k:])


def _middle(rows: Rows, at: NDArray[np.int64]) -> Rows:
    """The mean of some rows, for each row of places."""
    total = rows[at[:, 0]].copy()
    for column in at.T[1:]:
        total += rows[column]
    return total / np.float32(at.shape[1])
