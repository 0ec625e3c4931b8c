"""How far a score would move with other samples: resamples of the rows, for an interval.

A measure says which resamples it is made for.

``bootstrap``: as many rows as there are, drawn with replacement. Measures of kernels take them by
weights, so that no pair of a sample with its own copy counts. How far such resamples spread is
compared with the jackknife, the scores with one sample left out each, and the larger of the two is
taken, as it is the safe one:

- Let a score be ``Σ_i l(i) + Σ_{i<j} q(i, j)`` of uncorrelated terms (Hoeffding), with variances L
  and Q. To leave out a sample takes ``l(i)`` and all ``q(i, ·)``: every ``q`` is counted with both
  of its samples, and the jackknife gives ``L + 2 Q`` (Efron and Stein 1981). Bootstrap weights are
  ``w = 1 + ε`` with uncorrelated ε of variance 1, and ``w_i w_j - 1 = ε_i + ε_j + ε_i ε_j``: they
  give ``L + 3 Q``. For unrelated representations scores are all Q.
- Of few samples, or such with heavy tails, the bootstrap's variance of scores that are ratios is
  too small, and the jackknife's mostly larger.

The spread is then skewed and accelerated as `intervals` tells. Where bootstrap samples would take
long, the jackknife alone makes the interval (`amounts`). Canonical correlations are the
exception: what spans of many directions share by chance is an interaction of so many samples that
the jackknife is far off, and the bootstrap is taken as it is.

``halves``: for measures of a few nearest neighbours, which a bootstrap sample does not have. A copy
is the nearest of all neighbours; without copies a sample has only 0.63 n others, some of which
count twice. Statistics of neighbours then vary too much: every interaction of two samples is
counted twice, as in the jackknife. Drawing samples with their neighbours fixed ignores that
neighbours are random, and is too narrow. Two halves of the rows without a common one have none of
these faults. If rows are independent, so are the halves, and ``D = (s - s')/2`` has the variance of
a mean of two independent scores, of whatever order the interactions are: that of the score of all
rows, if variances fall as 1/n. They do not quite:

- A half has sparser neighbours. At the same k they reach further, and agree more (or less); half as
  many neighbours reach as far, but are fewer. What holds at n and k is between; we take the
  geometric mean of the two variances.
- Neighbours shared by chance: a sample shares k²/n of k neighbours by chance, so all share k², and
  the variance of their share of n k falls as 1/n². Halves hold it twice. At n it is the variance
  ``ν`` of the null distribution, times ``(1 - e)²`` for the share of neighbours that is left to
  chance at an effect e. It is subtracted once; but at most half of the variance is.

A resample is the score plus D, scaled to that variance. The correction is a model; how well
intervals cover is simulated in `evidence.neighbour_intervals`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.measures.inference import nulls
from methexis.measures.inference.amounts import FEWEST_GROUPS, Resampling
from methexis.measures.inference.intervals import (
    Few,
    LeftOut,
    Resamples,
    acceleration,
    groups_of,
    jackknife_variance,
    left_out,
)
from methexis.measures.inputs.features import warn
from methexis.measures.measure import Counts, Measure

#: Orders for a variance that only corrects another one: its standard error is a tenth.
NULL_ORDERS = 200


def spreading(
    measure: Measure[Any], a: Any, b: Any, way: Resampling, *, num_samples: int, seed: int
) -> tuple[Resamples | LeftOut | Few | None, str]:
    """What an interval is made of, in the way that was planned, and which way it came to be.

    Groups of samples are left out where scores without each sample are not known of this pair.
    """
    if way.way in {"bootstrap", "halves", "none"}:
        drawn = resamples(
            measure, a, b, num_samples=num_samples, num_resamples=way.count, seed=seed
        )
        return drawn, way.way if drawn is not None else "none"
    if way.way == "jackknife":
        scores = measure.left_out(a, b)
        if scores is not None:
            return LeftOut(scores), way.way
    if way.way == "few":
        scores = measure.resampled(a, b, nulls.counts(num_samples, way.count, seed))
        return (None, "none") if scores is None else (Few(scores), way.way)
    groups = FEWEST_GROUPS if way.way == "jackknife" else way.count
    without = measure.without_groups(a, b, groups_of(num_samples, seed, groups))
    if without is None:
        return None, "none"
    _void(measure, without, "scores with groups of samples left out", "")
    return LeftOut(without), "groups"


def resamples(
    measure: Measure[Any], a: Any, b: Any, *, num_samples: int, num_resamples: int, seed: int
) -> Resamples | None:
    """Scores whose spread is that of the score over samples, or None where there are none."""
    if measure.resampling != "halves":
        return _bootstrapped(measure, a, b, num_samples, num_resamples, seed)
    score = measure.score(a, b)
    if measure.interval_from(num_samples) == "none":
        warn(
            f"{measure.name}: no interval, because half of {num_samples} samples are too few for "
            f"{measure.title}"
        )
        return None
    chosen = halves(num_samples, num_resamples, seed) == 1
    one, other = (measure.of_halves(a, b, half) for half in (chosen, ~chosen))
    difference = 0.5 * (one - other)
    if _void(measure, difference[:, 0], "pairs of halves", ""):
        return Resamples(score + difference[:, 0])
    variances = np.mean(difference**2, axis=0)
    if variances[0] == 0.0:
        return Resamples(score + difference[:, 0])
    variance = float(np.prod(variances) ** (1.0 / len(variances)))
    variance -= min(_chance(measure, a, b, score, num_samples, seed), 0.5 * variance)
    return Resamples(np.asarray(score + difference[:, 0] * np.sqrt(variance / variances[0])))


def _bootstrapped(
    measure: Measure[Any], a: Any, b: Any, num_samples: int, num_resamples: int, seed: int
) -> Resamples | None:
    """Scores of bootstrap samples, as far apart as the jackknife says if that is farther."""
    drawn = nulls.counts(num_samples, num_resamples, seed)
    without = left_out(num_samples, seed)
    resampled = measure.resampled(a, b, np.concatenate([drawn, without]))
    if resampled is None:
        return None
    scores, without_some = resampled[: len(drawn)], resampled[len(drawn) :]
    lost = np.count_nonzero(np.isnan(without_some))
    others = f", and {lost} of {len(without)} scores with samples left out" if lost else ""
    if _void(measure, scores, "bootstrap samples", others):
        return Resamples(scores, acceleration(without_some))
    if measure.jackknifed:
        variance, other = float(np.var(scores)), jackknife_variance(without_some)
        if other > variance > 0.0:
            mean = np.mean(scores)
            scores = mean + (scores - mean) * np.sqrt(other / variance)
    return Resamples(scores, acceleration(without_some))


def _void(measure: Measure[Any], scores: Array, kind: str, others: str) -> bool:
    """Whether some resample has no score, so that there is no interval; then it warns."""
    lost = int(np.count_nonzero(np.isnan(scores)))
    if not lost and not others:
        return False
    warn(
        f"{measure.title}: no interval, because {lost} of {len(scores)} {kind}{others} have no "
        "score (too few different samples, or nothing but rounding in which they differ): "
        "take more samples"
    )
    return True


def halves(num_samples: int, num_halves: int, seed: int) -> Counts:
    """Which rows are in a random half, 1 or 0, ``(num_halves, num_samples)``."""
    generator = np.random.default_rng(seed)
    half = np.zeros((num_halves, num_samples), dtype=np.int64)
    half[:, : num_samples // 2] = 1
    return generator.permuted(half, axis=1)


def _chance(
    measure: Measure[Any], a: Any, b: Any, score: float, num_samples: int, seed: int
) -> float:
    """Variance from what is shared by chance."""
    if np.isnan(measure.aligned):
        return 0.0
    moments = measure.null_moments(a, b)
    if moments is None:
        scores = measure.permuted(a, b, nulls.orders(num_samples, NULL_ORDERS, seed))
        mean, variance = float(np.mean(scores)), float(np.var(scores))
    else:
        mean, variance = moments.mean, moments.sd**2
    return variance * ((measure.aligned - score) / (measure.aligned - mean)) ** 2
