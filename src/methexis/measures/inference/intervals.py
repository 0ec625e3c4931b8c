"""From scores of resamples to an interval.

An interval is for the expected score at this number of samples, ``μ``. Resamples say how the score
is distributed about it: take ``d``, their scores less their mean, because their bias is none of the
score's (a bootstrap sample has fewer distinct samples). If errors had one law whatever the score,
the interval would be that law mirrored. But scores spread less near a bound, and a score that is
skewed over samples comes out low together with its spread. BCa intervals (Efron 1987) suppose that
some increasing function of the score is normal with a standard deviation linear in its mean, and
need not know the function: the ends are quantiles of ``d`` at

    Φ(z₀ + (z₀ + z) / (1 - a (z₀ + z))),    z = Φ⁻¹(1/2 ∓ confidence/2),

with ``z₀ = Φ⁻¹(P(d < 0))``, the skewness, and the acceleration ``a``, how fast the standard
deviation changes with the score. ``z₀ = a = 0`` are the plain quantiles. From scores ``s_k``, each
with one sample (or group of samples) left out, ``a = Σ u³ / (6 (Σ u²)^{3/2})``, ``u = s̄ - s_k``.

The same scores give the variance by the jackknife, ``(J - 1)/J Σ u²``, below which `resampling`
lets no spread of bootstrap samples fall.

Where bootstrap samples would take long the interval is from the ``s_k`` alone
(`without_resamples`): the law of ``d`` is a normal one but for its skewness, ``6 a``, so that
``z₀ = a`` and its quantile at ``Φ(w)`` is ``σ (w + a (w² - 1))`` to that order. Of few groups the
variance is not sure, and Student's quantile of ``J - 1`` degrees of freedom stands for z. The
jackknife counts interactions of two samples twice, so such intervals are rather too wide than too
narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from methexis.core.checks import Array
from methexis.measures.left_out import Groups
from methexis.measures.rounding import TIE

#: Most scores with samples left out: of more samples they go by groups. The standard error of the
#: jackknife's deviation is then 4 %, about that of a quantile of 999 resamples.
MOST_LEFT_OUT = 250


@dataclass(frozen=True)
class Resamples:
    """Scores of resamples: they deviate from their mean as the score from its expectation."""

    scores: Array
    #: How fast the score's standard deviation changes with its expectation, over three; None for
    #: plain quantiles.
    acceleration: float | None = None


@dataclass(frozen=True)
class Few:
    """Scores of bootstrap samples, too few for quantiles."""

    scores: Array


@dataclass(frozen=True)
class LeftOut:
    """Scores with one sample, or one group of samples, left out each."""

    scores: Array


def left_out(num_samples: int, seed: int, most: int = MOST_LEFT_OUT) -> Array:
    """Weights without each of the groups of `groups_of`, ``(num_groups, num_samples)``."""
    return groups_of(num_samples, seed, most).weights


def groups_of(num_samples: int, seed: int, most: int = MOST_LEFT_OUT) -> Groups:
    """Each sample by itself, or `most` groups of samples, to be left out one after the other."""
    if num_samples <= most:
        return Groups(np.arange(num_samples))
    return Groups(np.random.default_rng(seed).permutation(np.arange(num_samples) % most))


def jackknife_variance(scores: Array) -> float:
    """Variance of the score of all samples from scores with one of J groups left out each."""
    return float((len(scores) - 1) * np.var(scores))


def acceleration(scores: Array) -> float:
    """The acceleration from the same scores; 0 if they are equal."""
    u = np.mean(scores) - scores
    largest = np.max(np.abs(u))
    if largest == 0.0:
        return 0.0
    u = u / largest  # third powers of tiny scores would be zero
    return float(np.sum(u**3) / (6.0 * np.sum(u * u) ** 1.5))


def interval(
    score: float, resampled: Resamples | LeftOut | Few | None, confidence: float
) -> tuple[float, float]:
    """Interval for the expected score at this number of samples.

    NaN without resamples; the score twice, if theirs are equal to rounding.
    """
    if isinstance(resampled, Few):
        return by_spread(score, resampled.scores, confidence)
    if isinstance(resampled, LeftOut):
        return without_resamples(score, resampled.scores, confidence)
    known = resampled is not None and not np.isnan(resampled.scores).any()
    if resampled is None or not known or np.isnan(resampled.acceleration or 0.0):
        return (float("nan"), float("nan"))
    deviations = resampled.scores - np.mean(resampled.scores)
    rounding = TIE * np.max(np.abs(resampled.scores))
    deviations = np.where(np.abs(deviations) > rounding, deviations, 0.0)
    if not deviations.any():
        return (score, score)
    tail = (1.0 - confidence) / 2.0
    levels = np.array([tail, 1.0 - tail])
    if resampled.acceleration is not None:
        below = np.mean(deviations < 0.0) + 0.5 * np.mean(deviations == 0.0)
        shift = special.ndtri(below)
        z = shift + special.ndtri(levels)
        # Beyond the pole, which no end of 999 resamples reaches, is the farthest resample.
        slowed = np.maximum(1.0 - resampled.acceleration * z, np.finfo(np.float64).tiny)
        levels = special.ndtr(shift + z / slowed)
    low, high = np.quantile(deviations, levels)
    return (float(score + low), float(score + high))


def without_resamples(score: float, scores: Array, confidence: float) -> tuple[float, float]:
    """The same from scores with one sample, or one group of samples, left out each.

    NaN where one of them is.
    """
    if np.isnan(scores).any():
        return (float("nan"), float("nan"))
    if np.ptp(scores) <= TIE * np.max(np.abs(scores)):
        return (score, score)
    tail, a = (1.0 - confidence) / 2.0, acceleration(scores)
    z = a + special.stdtrit(len(scores) - 1, np.array([tail, 1.0 - tail]))
    w = a + z / np.maximum(1.0 - a * z, np.finfo(np.float64).tiny)
    low, high = np.sqrt(jackknife_variance(scores)) * (w + a * (w * w - 1.0))
    return (float(score + low), float(score + high))


def by_spread(score: float, scores: Array, confidence: float) -> tuple[float, float]:
    """The same from few bootstrap samples: Student's interval of their deviation.

    NaN where one of them has no score.
    """
    if np.isnan(scores).any():
        return (float("nan"), float("nan"))
    if np.ptp(scores) <= TIE * np.max(np.abs(scores)):
        return (score, score)
    t = special.stdtrit(len(scores) - 1, 0.5 + 0.5 * confidence)
    half = float(t * np.std(scores, ddof=1))
    return (score - half, score + half)
