"""How far a score would move with other samples: resamples of the rows for an interval.

A measure says which resamples it is made for.

``bootstrap``: as many rows as there are, drawn with replacement. Scores of two samples that are the
same sample, or of duplicates, must not count; measures of kernels see to that by weights.

``halves``: a random half of the rows and the other half, without a common row. For statistics of a
few nearest neighbours, which no bootstrap sample has (`neighbours` says why). If rows are
independent, so are the two halves, and ``(s - s')/2`` of their scores has the variance that a mean
of two independent scores has: that of the score of all rows, if variances fall as 1/n. Added to the
score it is a resample. One part of the variance falls faster: neighbours that are shared by chance.
Its share is that of the null distribution, ``ν``, which falls as 1/n² (a sample shares k²/n of k
neighbours by chance, so n samples share k²: a count with that variance, over ``n k``). Halves hold
it twice; so the spread is scaled from ``V`` to ``V - ν``, and where ``V < 2 ν``, all of it chance,
to ``V/2``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.measures import nulls
from methexis.measures.features import warn
from methexis.measures.measure import Counts, Measure

#: Orders for a variance that only corrects another one: its standard error is a tenth.
NULL_ORDERS = 200


def resamples(
    measure: Measure[Any], a: Any, b: Any, *, num_samples: int, num_resamples: int, seed: int
) -> Array | None:
    """Scores whose spread is that of the score over samples, or None where there are none.

    Parameters
    ----------
    measure : Measure
        With the resamples it is made for in `resampling`.
    a, b
        What it made of two representations.
    num_samples : int
        Rows.
    num_resamples : int
        How many.
    seed : int
        Of the draws.

    Returns
    -------
    array (num_resamples,) or None
    """
    if measure.resampling == "bootstrap":
        return measure.resampled(a, b, nulls.counts(num_samples, num_resamples, seed))
    chosen = halves(num_samples, num_resamples, seed)
    one, other = (measure.resampled(a, b, counts) for counts in (chosen, 1 - chosen))
    if one is None or other is None:
        warn(
            f"{measure.name}: no interval, for half of {num_samples} samples are too few for "
            f"{measure.title}"
        )
        return None
    difference = 0.5 * (one - other)
    variance = float(np.mean(difference**2))
    if variance > 0.0:
        chance = _null_variance(measure, a, b, num_samples, seed)
        difference *= np.sqrt(1.0 - min(chance / variance, 0.5))
    return measure.score(a, b) + difference


def _null_variance(measure: Measure[Any], a: Any, b: Any, num_samples: int, seed: int) -> float:
    moments = measure.null_moments(a, b)
    if moments is not None:
        return moments.sd**2
    return float(np.var(measure.permuted(a, b, nulls.orders(num_samples, NULL_ORDERS, seed))))


def halves(num_samples: int, num_halves: int, seed: int) -> Counts:
    """Which rows are in a random half, 1 or 0, ``(num_halves, num_samples)``."""
    generator = np.random.default_rng(seed)
    half = np.zeros((num_halves, num_samples), dtype=np.int64)
    half[:, : num_samples // 2] = 1
    return generator.permuted(half, axis=1)
