"""From scores, moments and permuted scores of a grid to p-values, corrected for the search."""

from __future__ import annotations

from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.measures.inference import nulls
from methexis.measures.inference.blocks import Moments
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
    cells = hypotheses(method, scores, same=same) & ~np.isnan(scores)
    closed = null != "permutation"
    if closed:
        mean, sd = moments.mean, moments.sd
        scale = mean, sd
    else:
        mean = np.where(np.isnan(moments.mean), np.mean(permuted, axis=0), moments.mean)
        sd = nulls.spread(permuted, ddof=1)
        pool = np.concatenate([scores[None], permuted])
        scale = np.mean(pool, axis=0), nulls.spread(pool)
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
            unit = np.where(scale[1] > 0.0, scale[1], np.nan)
            observed, drawn = (sign * (v - scale[0]) / unit for v in (scores, permuted))
            corrected = max_statistic(np.where(cells, observed, np.nan), drawn)
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
