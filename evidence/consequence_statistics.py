"""Rank correlations of scores with consequences, and what they say by chance of the models.

Pairs that share a model are not independent. So models are drawn with replacement, not pairs: a
pair of two models counts as often as both were drawn, times each other, and a pair whose two sides
go by one name as often as that was. An interval holds the middle 95 % of the correlations so drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from methexis.core.checks import Array
from methexis.measures import MEASURES

NUM_DRAWS, SEED = 2000, 20261202
#: Widths that are narrow, and wide, of the narrower and of the wider side.
NARROW, WIDE = 16, 256
#: What may mislead: marks of pairs, and widths.
KINDS = ("untrained", "ancestry", "same model", "narrow", "wide")


@dataclass(frozen=True, eq=False)
class Family:
    """The numbers of one family of pairs; distances are turned, so that more is more aligned.

    Attributes
    ----------
    scores, effects, few, few_effects : arrays (num_pairs, num_measures)
    follows : array (num_pairs, num_consequences + 1)
        The last is the alignment of the population, NaN of real models.
    weights : array (num_draws, num_pairs)
    kinds : dict of array (num_pairs,) of bool
    """

    scores: Array
    effects: Array
    few: Array
    few_effects: Array
    follows: Array
    weights: Array
    kinds: dict[str, NDArray[np.bool_]]
    _ranks: dict[tuple[str, int], tuple[Array, Array] | None] = field(default_factory=dict)

    def ranked(self, key: str, column: int) -> tuple[Array, Array] | None:
        """Ranks of a column, with each pair once and of every draw; None where some are unknown."""
        if (key, column) not in self._ranks:
            values = getattr(self, key)[:, column]
            once = np.ones((1, self.num_pairs))
            known = np.isfinite(values).all()
            both = (unit_ranks(values, once), unit_ranks(values, self.weights)) if known else None
            self._ranks[key, column] = both
        return self._ranks[key, column]

    def follow(self, key: str, measure: int, consequence: int) -> tuple[float, Array]:
        """Rank correlation of a measure with a consequence, with each pair once, and of draws."""
        said, given = self.ranked(key, measure), self.ranked("follows", consequence)
        if said is None or given is None:
            return np.nan, np.full(len(self.weights), np.nan)
        point, draws = (np.sum(a * b, axis=1) for a, b in zip(said, given, strict=True))
        return float(point[0]), draws

    @property
    def num_pairs(self) -> int:
        """How many pairs there are."""
        return len(self.scores)


def family_of(content: dict[str, Any], *, trained: bool = False) -> Family:
    """Read a file's pairs, all of them, or those of which both sides are trained."""
    rows = [one for one in content["pairs"] if not (trained and "untrained" in one["kinds"])]
    signs = np.array(
        [-1.0 if MEASURES[_name(one)].distance else 1.0 for one in content["measures"]]
    )

    def array(key: str) -> Array:
        return np.array([one[key] for one in rows], dtype=np.float64)

    kinds = {kind: np.array([kind in one["kinds"] for one in rows]) for kind in KINDS[:3]}
    kinds["narrow"] = np.array([min(one["d"]) <= NARROW for one in rows])
    kinds["wide"] = np.array([max(one["d"]) >= WIDE for one in rows])
    return Family(
        scores=array("scores") * signs,
        effects=array("effects"),  # an effect grows with alignment, also of a distance
        few=array("few") * signs,
        few_effects=array("few effects"),
        follows=np.column_stack([array("consequences"), array("truth")]),
        weights=drawn_weights([tuple(one["models"]) for one in rows]),
        kinds=kinds,
    )


def _name(case: str) -> str:
    return case.removesuffix("-debiased")


def drawn_weights(models: Sequence[tuple[str, str]], num_draws: int = NUM_DRAWS) -> Array:
    """How often each pair counts, for every draw of the models."""
    names = sorted({one for pair in models for one in pair})
    place = {name: k for k, name in enumerate(names)}
    counts = np.random.default_rng(SEED).multinomial(
        len(names), np.full(len(names), 1.0 / len(names)), size=num_draws
    )
    first, second = (np.array([place[pair[side]] for pair in models]) for side in range(2))
    both = counts[:, first] * counts[:, second]
    return np.where(first == second, counts[:, first], both).astype(np.float64)


def ranks(values: Array, weights: Array) -> Array:
    """Middle ranks of values of which each counts as often as its weight, of every draw.

    Parameters
    ----------
    values : array (num_pairs,)
    weights : array (num_draws, num_pairs)

    Examples
    --------
    >>> ranks(np.array([3.0, 1.0, 3.0]), np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 0.0]])).tolist()
    [[2.0, 0.5, 2.0], [2.5, 1.0, 2.5]]
    """
    _, place = np.unique(values, return_inverse=True)
    of_value = weights @ np.eye(int(place.max()) + 1)[place]
    middle = np.cumsum(of_value, axis=1) - 0.5 * of_value
    return np.asarray(middle[:, place])


def unit_ranks(values: Array, weights: Array) -> Array:
    """Ranks less their mean and of length one, so that products sum to correlations; else NaN."""
    rank = ranks(values, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        rank -= np.sum(rank * weights, axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
        rank *= np.sqrt(weights)
        length = np.sqrt(np.sum(rank**2, axis=1, keepdims=True))
        return np.asarray(np.where(length > 0.0, rank / length, np.nan))


def correlations(first: Array, second: Array, weights: Array) -> Array:
    """Spearman's rank correlation of every draw; NaN where one side is constant."""
    return np.asarray(np.sum(unit_ranks(first, weights) * unit_ranks(second, weights), axis=1))


@dataclass(frozen=True)
class Correlation:
    """A rank correlation, the mean over families by their pairs, with its interval."""

    rho: float
    low: float
    high: float


def followed(
    families: Sequence[Family], measure: int, consequence: int, *, effect: bool = False
) -> Correlation:
    """How far a measure's scores, or effects, follow a consequence within families."""
    key = "effects" if effect else "scores"
    points, draws = zip(*(one.follow(key, measure, consequence) for one in families), strict=True)
    shares = [one.num_pairs for one in families]
    every = _mean(np.array(draws), np.array(shares, dtype=np.float64))
    rho = _mean(np.array(points)[:, None], np.array(shares, dtype=np.float64))[0]
    if not np.isfinite(every).any():
        return Correlation(rho, np.nan, np.nan)
    low, high = np.nanquantile(every, [0.025, 0.975])
    return Correlation(float(rho), float(low), float(high))


def _mean(values: Array, shares: Array) -> Array:
    """Mean over families where it is known."""
    known = np.isfinite(values)
    weight = known * shares[:, None]
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.sum(np.where(known, values, 0.0) * weight, axis=0) / weight.sum(axis=0)
        )


def places(family: Family, measure: int) -> Array:
    """How many places, as a share of all pairs, a measure puts each pair too high.

    Its rank by the score, less the mean of its ranks by all consequences.
    """
    said = stats.rankdata(family.scores[:, measure])
    follows = np.mean([stats.rankdata(one) for one in family.follows.T[:-1]], axis=0)
    return np.asarray((said - follows) / family.num_pairs)


def misplaced(families: Sequence[Family], measure: int, kind: str) -> float:
    """Mean of `places` over all pairs of a kind, of families that have others too."""
    found = [
        places(family, measure)[family.kinds[kind]]
        for family in families
        if 0 < family.kinds[kind].sum() < family.num_pairs
    ]
    return float(np.mean(np.concatenate(found))) if found else float("nan")


def shift(families: Sequence[Family], measure: int, *, effect: bool = False) -> float:
    """What few samples add to a score, in deviations of it over the pairs of a family."""
    found = []
    for family in families:
        whole, few = (family.effects, family.few_effects) if effect else (family.scores, family.few)
        known = np.isfinite(few[:, measure] + whole[:, measure])
        if known.any() and (spread := float(np.std(whole[known, measure]))) > 0.0:
            apart = few[known, measure] - whole[known, measure]
            found.append((float(np.mean(apart)) / spread, family.num_pairs))
    if not found:
        return float("nan")
    values, shares = (np.array(one, dtype=np.float64) for one in zip(*found, strict=True))
    return float(np.sum(values * shares) / shares.sum())
