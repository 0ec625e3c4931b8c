"""A rotation between sides of other samples: several ways to one, and how far their ends agree.

Rotations have many numbers and rows are few, so that wrong maps fit as well: each takes rows near
to chance neighbours, and a climb that sees all rows stays with the first of these. If each step
sees but a part of the rows, what fits only them falls apart again at the next. Climbs begin from
three maps of profiles, and that whose images lie nearest to the rows of the other side is taken.
Then it is begun anew, from nothing but what it does to the leading five principal directions; if
the end is nearer, that is taken instead.

Such ends are *replicas*: they go their own ways through their own draws of the same rows. If a map
were drawn from all that could be, given the rows, then two of them would agree with each other as
often as either does with the truth (the identity of Nishimori), whatever the share that is right.
Climbs are no such draws, but nearly; what is left is measured (`python -m evidence.unpaired`).
Partners that lie off because either side has something of its own are not seen by it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from methexis.transport.unpaired.nearness import agreed, nearness
from methexis.transport.unpaired.profiles import Rows, first_maps, polar
from methexis.transport.unpaired.refining import BRIEF, SHAKEN, climbed, refined

#: Principal directions in which a map is begun anew.
_LEADING = 5
#: How many that are no nearer end it, and after how many times no nearer one is taken any more.
_OTHERS, _TIMES = 2, 6
#: Rows by which ends are compared.
_COMPARED = 2000
#: Share of agreement from which nothing is left to be found.
_SAME = 0.95


class End(NamedTuple):
    """Where a climb ended, and how near images lie there to the rows of the other side."""

    map: Rows
    near: float


def replicas(x: Rows, y: Rows, generator: np.random.Generator) -> tuple[Rows, list[Rows]]:
    """The map whose images lie nearest, and one or two that were begun anew and are no nearer.

    Parameters
    ----------
    x, y : arrays (num_x, rx), (num_y, ry)
        Rows of length one, in principal coordinates.
    generator : Generator

    Returns
    -------
    (array (rx, ry), list of array (rx, ry))
    """
    best = max((_end(x, y, start, generator) for start in first_maps(x, y, generator)), key=_near)
    others: list[End] = []
    times = 0
    while len(others) < _OTHERS:
        end = _end(x, y, _begun(best.map), generator)
        same = agreed(x[:_COMPARED], y[:_COMPARED], (best.map, end.map)) > _SAME
        times += 1
        if end.near > best.near and times < _TIMES:
            best, others = end, [best] if same else []
        else:
            others.append(end)
        if same:
            break
    return best.map, [end.map for end in others]


def _near(end: End) -> float:
    return end.near


def _end(x: Rows, y: Rows, start: Rows, generator: np.random.Generator) -> End:
    turn = refined(x, y, climbed(x, y, start, SHAKEN, generator), BRIEF, generator)
    return End(turn, nearness(x[:_COMPARED] @ turn, y[:_COMPARED]))


def _begun(turn: Rows) -> Rows:
    """What a map does to the leading directions, and nothing beyond."""
    start = np.zeros_like(turn)
    start[:_LEADING, :_LEADING] = polar(turn[:_LEADING, :_LEADING])
    return start
