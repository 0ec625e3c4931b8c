"""From scores, moments and permuted scores of a grid to p-values, corrected for the search."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from methexis.core.checks import Array
from methexis.measures.blocks import Moments
from methexis.measures.measure import Measure
from methexis.measures.multiple import false_discovery_rates, holm, max_statistic

#: What a grid holds beside its scores.
NAMES = ("null_mean", "null_sd", "z", "p", "p_corrected", "q", "effect")


def inferred(
    method: Measure[Any],
    scores: Array,
    moments: Moments | None,
    permuted: Array,
    *,
    same: bool,
    correction: str,
) -> dict[str, Array]:
    """All variables of a grid, each ``(num_a, num_b)``.

    The search is over one scale: scores less their mean, by their standard deviation. Where those
    come from orders, the given pairing counts as one of them: otherwise it would be judged by a
    scale on which it had no part, and the test would not be exact.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        found = _found(method, scores, moments, permuted, hypotheses(method, scores, same=same))
    corrected = np.full(scores.shape, np.nan)
    cells = ~np.isnan(found["p"])
    if correction == "holm":
        corrected = holm(found["p"])
    elif correction == "max" and len(permuted):
        observed, drawn = _standardised(method, scores, moments, permuted)
        corrected = max_statistic(np.where(cells, observed, np.nan), drawn)
        corrected[cells & np.isnan(corrected)] = 1.0  # scores that are the same for all orders
    found["p_corrected"] = corrected
    found["q"] = false_discovery_rates(found["p"])
    found["score"] = scores
    if same and method.symmetric:
        below = np.tri(len(scores), k=-1, dtype=bool)
        found = {name: np.where(below, array.T, array) for name, array in found.items()}
    return {name: found[name] for name in ("score", *NAMES)}


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


def _found(
    method: Measure[Any], scores: Array, moments: Moments | None, permuted: Array, cells: Any
) -> dict[str, Array]:
    sign = -1.0 if method.distance else 1.0
    if moments is not None:
        mean, sd = moments.mean, moments.sd
        z = sign * (scores - mean) / sd
        p = np.where(sd == 0.0, 1.0, stats.pearson3.sf(z, sign * moments.skewness))
    else:
        mean, sd = np.mean(permuted, axis=0), np.std(permuted, axis=0, ddof=1)
        z = sign * (scores - mean) / sd
        p = (1 + np.count_nonzero(sign * permuted >= sign * scores, axis=0)) / (1 + len(permuted))
    return {
        "null_mean": mean,
        "null_sd": sd,
        "z": np.where(cells & (sd > 0.0), z, np.nan),
        "p": np.where(cells & ~np.isnan(scores), p, np.nan),
        "effect": np.where(
            method.aligned != mean, (scores - mean) / (method.aligned - mean), np.nan
        ),
    }


def _standardised(
    method: Measure[Any], scores: Array, moments: Moments | None, permuted: Array
) -> tuple[Array, Array]:
    sign = -1.0 if method.distance else 1.0
    if moments is not None:
        mean, sd = moments.mean, moments.sd
    else:
        pool = np.concatenate([scores[None], permuted])
        mean, sd = np.mean(pool, axis=0), np.std(pool, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return sign * (scores - mean) / sd, sign * (permuted - mean) / sd
