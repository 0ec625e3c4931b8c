"""From scores, moments and permuted scores of a grid to p-values, corrected for the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.measures.inference import nulls
from methexis.measures.inference.all_pairs.blocks import Moments
from methexis.measures.inference.multiple import false_discovery_rates, holm, max_statistic
from methexis.measures.measure import Measure
from methexis.measures.rounding import TIE

#: What a grid holds beside its scores.
NAMES = ("null_mean", "null_sd", "z", "p", "p_corrected", "q", "effect")


def inferred(
    method: Measure[Any],
    scores: Array,
    moments: Moments,
    permuted: Array,
    *,
    num_samples: int,
    null: str,
    same: bool,
    correction: str,
) -> dict[str, Array]:
    """All variables of a grid, each ``(num_a, num_b)``.

    The search is over one scale: scores less their mean, by their standard deviation. Where those
    come from orders, the given pairing counts as one of them: otherwise it would be judged by a
    scale on which it had no part, and the test would not be exact.

    Moments over orders are NaN where they are not known; permuted scores ``(num_orders, num_a,
    num_b)`` are of orders that are the same for all pairs, and the correction by "max" needs them.
    The null "auto" takes moments, but the tails of cells whose moments cannot be trusted
    (`nulls.trusted`) from the permuted scores, if there are any. Of one list with itself (`same`),
    nothing below the diagonal is looked at.
    """
    sign = -1.0 if method.distance else 1.0
    closed = null != "permutation"
    search = searched(method, scores, moments, permuted, closed=closed, same=same)
    cells = search.cells
    if closed:
        mean, sd = moments.mean, moments.sd
    else:
        mean = np.where(np.isnan(moments.mean), np.mean(permuted, axis=0), moments.mean)
        sd = nulls.spread(permuted, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(sd > 0.0, sign * (scores - mean) / sd, np.nan)
        p = np.full(scores.shape, np.nan)
        if closed:
            tail = nulls.tail(z - 0.5 * moments.step / sd, sign * moments.skewness)
            p = np.where(sd > 0.0, tail, 1.0)
        if len(permuted):
            few = num_samples < nulls.FEW_SAMPLES
            doubtful = few | (moments.dominance > nulls.MOST_DOMINANCE)
            drawn_anyway = not closed or (doubtful & (null == "auto"))
            p = np.where(drawn_anyway, _share(sign * scores, sign * permuted), p)
        p = np.where(cells, p, np.nan)
        corrected = np.full(scores.shape, np.nan)
        if correction == "holm":
            corrected = holm(p)
        elif len(permuted):
            corrected = max_statistic(search.observed, search.drawn)
            corrected[cells & np.isnan(corrected)] = 1.0  # the same score whatever the order
    variables = {
        "score": scores,
        "null_mean": mean,
        "null_sd": sd,
        "z": np.where(cells, z, np.nan),
        "p": p,
        "p_corrected": corrected,
        "q": false_discovery_rates(p),
        "effect": nulls.effect(scores, mean, method.aligned),
    }
    if same and method.symmetric:
        below = np.tri(len(scores), k=-1, dtype=bool)
        variables = {name: np.where(below, array.T, array) for name, array in variables.items()}
    return variables


@dataclass(frozen=True, eq=False)
class Search:
    """Scores of a grid, and of its orders, on the one scale over which the largest is sought.

    Attributes
    ----------
    mean, unit : array (num_a, num_b)
        The scale; the unit is NaN where a score is the same whatever the order.
    sign : float
        -1 of a distance.
    cells : array (num_a, num_b) of bool
        What is looked at.
    scores : array (num_a, num_b)
    permuted : array (num_orders, num_a, num_b)
    """

    mean: Array
    unit: Array
    sign: float
    cells: Any
    scores: Array
    permuted: Array

    @property
    def observed(self) -> Array:
        """Scores on that scale; NaN of what is not looked at."""
        return np.where(self.cells, self.sign * (self.scores - self.mean) / self.unit, np.nan)

    @property
    def drawn(self) -> Array:
        """Scores of the orders on that scale."""
        return np.asarray(self.sign * (self.permuted - self.mean) / self.unit)

    @property
    def largest(self) -> Array:
        """The largest of all pairs in each order."""
        cells = np.isfinite(self.observed)
        if not cells.any():
            return np.full(len(self.permuted), np.nan)
        return np.asarray(np.max(self.drawn[:, cells], axis=1))

    def at(self, value: float) -> Array:
        """The score of each pair that has a value on that scale."""
        return np.asarray(self.mean + self.sign * self.unit * value)


def searched(
    method: Measure[Any],
    scores: Array,
    moments: Moments,
    permuted: Array,
    *,
    closed: bool,
    same: bool,
) -> Search:
    """The scale of a search: by moments where these are known, else by all orders and the given."""
    cells = hypotheses(method, scores, same=same) & ~np.isnan(scores)
    if closed:
        mean, sd = moments.mean, moments.sd
    else:
        pool = np.concatenate([scores[None], permuted])
        mean, sd = np.mean(pool, axis=0), nulls.spread(pool)
    unit = np.where(sd > 0.0, sd, np.nan)
    return Search(mean, unit, -1.0 if method.distance else 1.0, cells, scores, permuted)


def _share(scores: Array, permuted: Array) -> Array:
    """Share of orders that are at least as aligned; ties and the given order count."""
    tie = TIE * np.maximum(np.abs(scores), np.max(np.abs(permuted), axis=0))
    extreme = np.count_nonzero(permuted >= scores - tie, axis=0)
    return np.asarray((1 + extreme) / (1 + len(permuted)))


def hypotheses(method: Measure[Any], scores: Array, *, same: bool) -> Any:
    """Which cells are hypotheses: pairs of different representations, each once."""
    if not same:
        return np.ones(scores.shape, dtype=bool)
    if method.symmetric:
        return ~np.tri(len(scores), dtype=bool)
    return ~np.eye(len(scores), dtype=bool)


def nothing(scores: Array) -> dict[str, Array]:
    """The variables of a grid without a null."""
    return {"score": scores} | {name: np.full(scores.shape, np.nan) for name in NAMES}
