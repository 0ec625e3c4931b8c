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
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from methexis.core.checks import Array
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


def left_out(num_samples: int, seed: int) -> NDArray[np.float64]:
    """Weights without one sample each, or without one group of samples each.

    The others weigh more, so that weights sum to ``num_samples``; ``(num_groups, num_samples)``.
    """
    if num_samples <= MOST_LEFT_OUT:
        group = np.arange(num_samples)
    else:
        group = np.random.default_rng(seed).permutation(np.arange(num_samples) % MOST_LEFT_OUT)
    kept = (group[None, :] != np.arange(group.max() + 1)[:, None]).astype(np.float64)
    return np.asarray(kept * (num_samples / kept.sum(axis=1, keepdims=True)))


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


def interval(score: float, resampled: Resamples | None, confidence: float) -> tuple[float, float]:
    """Interval for the expected score at this number of samples.

    NaN without resamples; the score twice, if theirs are equal to rounding.
    """
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
