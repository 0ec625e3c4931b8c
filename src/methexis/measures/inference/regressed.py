"""A null of which most scores are predicted, from a part of the score that is quick to compute.

Orders are drawn as for a null by permutation. Of each the *part* ``T`` is computed (`Measure.
permuted_part`): what the largest directions of both representations score, or what their most
influential samples do. Of a few orders the whole score ``S`` is computed as well, and

    S = a + b T + e

is fitted to those. What makes a null skewed, a few large directions or a few long samples, is in
``T``, of which there are all 999; what is left, ``e``, is a sum over many directions, and nearly
Gaussian. So an order of which only ``T`` is known scores at least ``s`` with the probability that
Student's law gives for a prediction at ``T``, and

    p = (1 + number of whole scores as extreme + Σ of these probabilities) / (1 + number of orders),

the p of permutations with what is not computed replaced by its prediction. It is never below that
of permutations that are all less extreme. If the part says nothing of the score, the test is
Student's of one score against a few others; if it says all, it is the permutation test.

The orders that are scored whole are chosen by their parts, evenly over their ranks, so that slope
and residuals come from the whole law and not from its middle. A prediction is less sure than a
score, so that tails are rather too long: p is conservative where the part says little. How often it
is below its level is counted in ``python -m evidence.quick``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from methexis.core.checks import Array
from methexis.measures.inference.nulls import Null, spread
from methexis.measures.measure import Measure, Orders
from methexis.measures.rounding import ROUGH, TIE, told_apart

#: Errors of two rough scores are below the largest of all by less than this factor.
_ROOM = 10.0


def _none() -> Array:
    return np.empty(0)


@dataclass(frozen=True)
class RegressedNull(Null):
    """The null of which some scores are known, and the others' predictions."""

    predicted: Array = field(default_factory=_none, repr=False)
    deviations: Array = field(default_factory=_none, repr=False)  # of the predictions
    dof: int = 0  # degrees of freedom of both
    rounding: float = TIE  # relative error of the scores

    @property
    def num_orders(self) -> int:
        """The number of orders, scored whole or predicted."""
        return len(self.scores) + len(self.predicted)

    def p_value(self, score: float, *, distance: bool) -> float:
        """Probability of a score at least as aligned as this one; one-sided."""
        if np.isnan(score):
            return float("nan")
        sign = -1.0 if distance else 1.0
        tie = self.rounding * max(abs(score), float(np.max(np.abs(self.scores))))
        least = sign * score - tie  # a tie counts as extreme
        extreme = float(np.count_nonzero(sign * self.scores >= least))
        above = least - sign * self.predicted
        known = self.deviations <= 0.0  # the part says all
        z = above / np.where(known, 1.0, self.deviations)
        tails = np.where(known, above <= 0.0, special.stdtr(self.dof, -z))
        return float((1.0 + extreme + np.sum(tails)) / (1.0 + self.num_orders))


def regressed(
    measure: Measure[Any], a: Any, b: Any, orders: Orders, num_whole: int
) -> RegressedNull:
    """Draw the null of a pair: parts of all orders, whole scores of some."""
    parts = measure.permuted_part(a, b, orders)
    which = chosen(parts, num_whole)
    whole, rounding = _whole(measure, a, b, orders[which])
    return fitted(parts, which, whole, measure.null_mean(a, b), rounding)


def _whole(measure: Measure[Any], a: Any, b: Any, orders: Orders) -> tuple[Array, float]:
    """Scores of some orders, and their relative error.

    Rough ones, where they spread enough for what such a score is off by at most; or, because that
    is far more than most are off by, for ten times what the first and the last are off by.
    """
    rough = measure.permuted_roughly(a, b, orders)
    if told_apart(rough):
        return rough, ROUGH
    ends = [0, len(orders) - 1]
    exact = measure.permuted(a, b, orders[ends])
    error = _ROOM * float(np.max(np.abs(rough[ends] - exact)) / np.max(np.abs(rough)))
    if told_apart(rough, error):
        return rough, max(error, TIE)
    return measure.permuted(a, b, orders), TIE


def chosen(parts: Array, count: int) -> NDArray[np.int64]:
    """Which orders are scored whole: the middle ones of equal shares of the ranks of their parts.

    Examples
    --------
    >>> chosen(np.array([3.0, 1.0, 2.0, 5.0, 4.0, 6.0]), 2).tolist()
    [2, 3]
    """
    at = (np.arange(count) + 0.5) * len(parts) / count
    ranked: NDArray[np.int64] = np.argsort(parts, kind="stable")[np.floor(at).astype(np.int64)]
    return ranked


def fitted(
    parts: Array,
    which: NDArray[np.int64],
    whole: Array,
    mean: float | None = None,
    rounding: float = TIE,
) -> RegressedNull:
    """The null from the parts of all orders and the whole scores of those which were chosen.

    The deviation of a prediction at ``T`` from ``N`` whole scores with the residual deviation ``r``
    is ``r √(1 + 1/N + (T - T̄)² / Σ (T_k - T̄)²)``. The exact mean may be known.
    """
    others = np.setdiff1d(np.arange(len(parts)), which)
    count = len(whole)
    at, centre = parts[which] - np.mean(parts[which]), float(np.mean(whole))
    far = parts[others] - np.mean(parts[which])
    square = float(np.sum(at * at)) if spread(parts[which]) > 0.0 else 0.0
    slope = float(np.sum(at * (whole - centre))) / square if square else 0.0
    dof = count - 2 if square else count - 1
    left = whole - centre - slope * at
    left = np.where(np.abs(left) > TIE * np.max(np.abs(whole)), left, 0.0)
    residual = float(np.sqrt(np.sum(left * left) / dof))
    predicted = centre + slope * far
    leverage = far * far / square if square else np.zeros_like(far)
    deviations = residual * np.sqrt(1.0 + 1.0 / count + leverage)
    fits = centre + slope * (parts - np.mean(parts[which]))
    return RegressedNull(
        mean=float(np.mean(fits)) if mean is None else mean,
        sd=float(np.hypot(spread(fits, ddof=1), residual)),
        method="regression",
        skewness=float("nan"),
        scores=whole,
        predicted=predicted,
        deviations=deviations,
        dof=dof,
        rounding=rounding,
    )
