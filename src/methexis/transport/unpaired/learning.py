"""How a map is learnt from samples of both sides: by profiles and neighbours, or by moments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.transport.held_out import unit
from methexis.transport.unpaired.calibration import of_agreement, of_return
from methexis.transport.unpaired.equal import law_distance
from methexis.transport.unpaired.halves import reliance
from methexis.transport.unpaired.moments import again, mardia, matched
from methexis.transport.unpaired.nearness import agreed, nearness, returned
from methexis.transport.unpaired.profiles import drawn, first_map, first_maps
from methexis.transport.unpaired.refining import CLOSING, LADDER, SHAKEN, climbed, paired, refined
from methexis.transport.unpaired.replicas import replicas
from methexis.transport.unpaired.sides import Places, Side, parted

#: Most directions whose moments are matched.
MOST_DIRECTIONS = 32
#: Directions in which a Gaussian law is looked for.
_TESTED = 20
#: Below this p-value a law is not Gaussian.
_LEVEL = 1e-3
#: Most rows of a side whose images are compared.
_SOUGHT = 4096
#: Rows on which a map is compared with its negative, and how much nearer it has to come.
_COMPARED, _SIGN = 1000, 0.01
#: Where more partners are found by a rotation, something was; and between few directions, where
#: rows lie close and a good map may miss partners, where more of the variance is predicted.
FOUND, CLOSE = 0.2, 0.9
#: The same where replicas tell it, which do not see what either side has of its own, by pilots.
AGREED = 0.5
#: Replicas agree on one wrong map, too, where rows lie in a few clusters. So laws must be alike in
#: so many leading directions: by pilots, between what two encoders are apart there and what laws
#: of clusters are that have nothing to do with each other (`python -m evidence.unpaired --laws`).
_LEADING, UNLIKE = 5, 0.3

Tell = Callable[[int], None]


class Learnt(NamedTuple):
    """Maps that fit equally well, the best first, and what supports that one.

    Attributes
    ----------
    maps : list of array (rx, ry)
    top1 : float
        Estimated share of partners that are found.
    candidates : int
        Among how many rows.
    enough : bool
        Whether that is something, and the laws are equal under the best, as far as samples tell.
    basis : str
        What it is estimated from: "returns", "replicas" or "halves".
    nearness : float
    """

    maps: list[Array]
    top1: float
    candidates: int
    enough: bool
    basis: str
    nearness: float


class Neighbours:
    """A rotation, by profiles and then by neighbours."""

    def __init__(self, one: Side, other: Side, shared: bool) -> None:
        self.x, self.y = one.directions(), other.directions()
        self.shared = shared

    def learn(self, generator: np.random.Generator, tell: Tell) -> Learnt:
        """By partners, where these are among the rows, and else by several ways."""
        return (self._partners if self.shared else self._ways)(generator, tell)

    def _partners(self, generator: np.random.Generator, tell: Tell) -> Learnt:
        """From all rows but some, which the certificate is of; then a little better, from all.

        Where nothing is found so, climbs that see a part of the rows at each step are tried, and
        that is kept of which most rows return.
        """
        (taught_x, held_x), (taught_y, held_y) = (
            parted(len(one), generator) for one in (self.x, self.y)
        )
        x, y, held = self.x[taught_x], self.y[taught_y], (held_x, held_y)
        climb = climbed(x, y, first_map(x, y, generator), LADDER, generator)
        tell(1)
        turn, top1 = self._returning(paired(x, y, climb, generator), held, generator)
        if top1 < FOUND:
            for start in first_maps(x, y, generator):
                climb = paired(x, y, climbed(x, y, start, SHAKEN, generator), generator)
                other = self._returning(climb, held, generator)
                turn, top1 = max((turn, top1), other, key=lambda end: end[1])
        tell(2)
        near = nearness(self.x[held_x] @ turn, self.y[held_y])
        if top1 >= FOUND:
            turn = paired(self.x, self.y, turn, generator)
        error = float(np.sqrt(top1 * (1.0 - top1) / (len(held_x) + len(held_y))))
        maps = _signed(self.x, self.y, turn)
        among = min(len(self.x), len(self.y))
        return Learnt(maps, top1, among, top1 - 2.0 * error > FOUND, "returns", near)

    def _returning(
        self, turn: Any, held: tuple[Places, Places], generator: np.random.Generator
    ) -> tuple[Any, float]:
        """A map without what is nearest to rows held out, and an estimate of top-1 from these.

        A partner of a row that is held out may have been taught, with whatever was near, and then
        it lies near to that. So the nearest of such rows are left out as well, and the map is
        learnt again, before it is counted which return.
        """
        of_x = np.argmax(self.x[held[0]] @ turn @ self.y.T, axis=1)
        of_y = np.argmax(self.y[held[1]] @ turn.T @ self.x.T, axis=1)
        x = np.delete(self.x, [*held[0], *of_y], 0)
        y = np.delete(self.y, [*held[1], *of_x], 0)
        turn = paired(x, y, turn, generator)
        return turn, of_return(returned(self.x, self.y, turn, held))

    def _ways(self, generator: np.random.Generator, tell: Tell) -> Learnt:
        """From all rows, several ways; the certificate is how far these agree."""
        best, anew = replicas(self.x, self.y, generator)
        tell(1)
        turn = refined(self.x, self.y, best, CLOSING, generator)
        tell(2)
        x, y = (one[drawn(len(one), _SOUGHT, generator)] for one in (self.x, self.y))
        top1 = of_agreement(*(agreed(x, y, (turn, other)) for other in anew))
        if laws_apart(self.x, self.y, turn) > UNLIKE:
            top1 = 0.0  # what replicas agree on is not where partners are
        maps = _signed(self.x, self.y, turn)
        near = nearness(x @ turn, y)
        among = min(len(x), len(y))
        return Learnt(maps, top1, among, top1 > AGREED, "replicas", near)


class Moments:
    """A rotation of whitened coordinates, by moments and characteristic functions."""

    def __init__(self, one: Side, other: Side) -> None:
        self.x, self.y = one.white(), other.white()

    def learn(self, generator: np.random.Generator, tell: Tell) -> Learnt:
        """The rotation under which laws are most alike, and all that fit as well."""
        ends = matched(self.x, self.y, generator)
        tell(1)
        turn = ends.maps[0]
        relied = reliance(self.x, self.y, turn, again(turn, generator), generator)
        tell(2)
        rows = slice(_COMPARED)
        near = nearness(unit(self.x[rows] @ turn), unit(self.y[rows]))
        enough = ends.equal and relied.share > CLOSE
        top1 = relied.top1 if ends.equal else 0.0
        return Learnt(ends.maps, top1, relied.candidates, enough, "halves", near)


def laws_apart(x: Any, y: Any, turn: Any) -> float:
    """How far the laws of images and of rows are apart in the leading directions of y."""
    leading = (x @ turn[:, :_LEADING], y[:, :_LEADING])
    return law_distance(*(np.asarray(one, dtype=np.float64) for one in leading))


def _signed(x: Any, y: Any, turn: Any) -> list[Any]:
    """A map, and its negative where it fits as well."""
    some = slice(_COMPARED)
    gaps = [1.0 - nearness(x[some] @ sign, y[some]) for sign in (turn, -turn)]
    if gaps[1] < gaps[0] + _SIGN:
        return [turn, -turn]
    return [turn]


def learner(map: str, one: Side, other: Side, shared: bool) -> tuple[str, Neighbours | Moments]:
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
        p_value = mardia(side.white()[:, :_TESTED]).p_value
        if p_value > _LEVEL:
            raise MethexisError(
                f"{side.name}: expected samples of a law that is not Gaussian, got "
                f"{len(side.rows)} rows that no test tells from one (p = {p_value:.2g}), and under "
                "a Gaussian law all rotations fit equally; give more rows, or pairs to mx.translate"
            )
    if map == "scaled" or (map == "auto" and few):
        return "scaled", Moments(one, other)
    return "rotation", Neighbours(one, other, shared)
