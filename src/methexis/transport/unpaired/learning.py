"""How a map is learnt from samples of both sides: by profiles and neighbours, or by moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from methexis.errors import MethexisError
from methexis.transport.unpaired.agreement import nearness
from methexis.transport.unpaired.moments import Ends, mardia, matched, symmetric
from methexis.transport.unpaired.profiles import first_map
from methexis.transport.unpaired.refining import CLOSING, climbed, refined
from methexis.transport.unpaired.sides import Side

#: Most directions whose moments are matched.
MOST_DIRECTIONS = 32
#: Directions in which a Gaussian law is looked for.
_LEADING = 20
#: Below this p-value a law is not Gaussian.
_LEVEL = 1e-3
#: Rows on which a map is compared with its negative, and how much nearer it has to come.
_COMPARED, _SIGN = 1000, 0.01
#: By how much another may exceed the gap of the best and still fit as well, of all rows, in units
#: of what samples of one law have by chance: one, or two over the number of directions, because
#: chance varies more where there are few.
_LENIENCE, _OVER = 1.0, 2.0


class Neighbours:
    """A rotation, by profiles and then by neighbours."""

    def __init__(self, one: Side, other: Side) -> None:
        self.x, self.y = one.directions(), other.directions()

    def half(self, x: Any, y: Any, generator: np.random.Generator) -> Ends:
        """One map, and its negative where it fits as well."""
        turn = climbed(x, y, first_map(x, y, generator), generator)
        return _signed(x, y, turn)

    def whole(self, starts: Sequence[Any], generator: np.random.Generator) -> Ends:
        """More samples and fewer neighbours, from the first map."""
        turn = refined(self.x, self.y, starts[0], CLOSING, generator)
        return _signed(self.x, self.y, turn)


class Moments:
    """A rotation of whitened coordinates, by moments and characteristic functions."""

    def __init__(self, one: Side, other: Side) -> None:
        self.x, self.y = one.white(), other.white()

    def half(self, x: Any, y: Any, generator: np.random.Generator) -> Ends:
        """The rotation under which laws are most alike, and all that fit as well."""
        return matched(x, y, generator)

    def whole(self, starts: Sequence[Any], generator: np.random.Generator) -> Ends:
        """The same from all rows, from what fits halves."""
        lenience = min(_LENIENCE, _OVER / self.x.shape[1])
        ends = matched(self.x, self.y, generator, starts=starts, lenience=lenience)
        if symmetric(self.x, generator) or symmetric(self.y, generator):
            return Ends([ends.maps[0], -ends.maps[0]], [ends.gaps[0]] * 2)
        return ends


def _signed(x: Any, y: Any, turn: Any) -> Ends:
    """A map, and its negative where it fits as well."""
    some = slice(_COMPARED)
    gaps = [1.0 - nearness(x[some] @ sign, y[some]) for sign in (turn, -turn)]
    if gaps[1] < gaps[0] + _SIGN:
        return Ends([turn, -turn], gaps)
    return Ends([turn], gaps[:1])


def learner(map: str, one: Side, other: Side) -> tuple[str, Neighbours | Moments]:
    """Which kind of map is learnt, and who learns it.

    Raises
    ------
    MethexisError
        If no map of the kind can be learnt, or a side is Gaussian as far as its samples tell.
    """
    few = max(one.rank, other.rank) <= MOST_DIRECTIONS and one.rank == other.rank
    if map == "scaled" and not few:
        raise MethexisError(
            f"map: expected 'rotation' or 'auto' for sides of {one.rank} and {other.rank} "
            "directions, got 'scaled', which needs as many directions on both sides, at most "
            f"{MOST_DIRECTIONS}"
        )
    for side in (one, other):
        p_value = mardia(side.white()[:, :_LEADING]).p_value
        if p_value > _LEVEL:
            raise MethexisError(
                f"{side.name}: expected samples of a law that is not Gaussian, got "
                f"{len(side.rows)} rows that no test tells from one (p = {p_value:.2g}), and under "
                "a Gaussian law all rotations fit equally; give more rows, or pairs to mx.translate"
            )
    if map == "scaled" or (map == "auto" and few):
        return "scaled", Moments(one, other)
    return "rotation", Neighbours(one, other)
