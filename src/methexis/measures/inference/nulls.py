"""What a score would be if the rows were paired at random, and how far in its tail a score lies.

The null distribution is that of the score over all orders of the rows of one representation: it
keeps both representations as they are, and takes away what pairs them. Where its first three
moments are known in closed form, a Pearson type III distribution with those moments stands for it
(Josse, Pagès and Husson 2008 do so for the RV coefficient): a Gaussian would understate the tail,
because these nulls are skewed. Three moments do not tell the tail where one sample makes most of
the spread (heavy tails: the score is large if two outliers meet, and takes few values otherwise),
nor of few samples. There, and where moments are not known, orders are drawn, and p is
``(1 + number as extreme) / (1 + number)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from methexis.core.checks import Array
from methexis.measures.measure import NullMoments, Orders
from methexis.measures.rounding import TIE


@dataclass(frozen=True)
class Null:
    """A null distribution: that of the score over orders."""

    mean: float
    sd: float  # 0 if all drawn scores are ties
    #: "moments" (closed form, Pearson III tail), "permutation", "regression" (`regressed`), "none".
    method: str
    skewness: float  # NaN from fewer than three orders, or ties only
    scores: Array = field(repr=False)  # of the drawn orders; empty with "moments"
    #: Distance between possible scores, where they are counts: a count stands for the half step
    #: below it too, or "at least as aligned" would lose half of the score's own probability.
    step: float = 0.0

    @property
    def num_orders(self) -> int:
        """Number of orders that were drawn."""
        return len(self.scores)

    def p_value(self, score: float, *, distance: bool) -> float:
        """Probability of a score at least as aligned as this one; one-sided."""
        if np.isnan(score):
            return float("nan")
        if self.method == "permutation":
            # A tie counts as extreme: rounding must not make a score look rare.
            tie = TIE * max(abs(score), float(np.max(np.abs(self.scores))))
            extreme = self.scores <= score + tie if distance else self.scores >= score - tie
            return float(1 + np.count_nonzero(extreme)) / (1 + len(self.scores))
        if self.sd == 0.0:
            return 1.0
        z, skewness = (score - self.mean) / self.sd, self.skewness
        if distance:
            z, skewness = -z, -skewness
        return float(tail(z - 0.5 * self.step / self.sd, skewness))


#: Skewness below which the gamma law is a Gaussian to rounding, and its shape too large to compute.
_GAUSSIAN = 1.6e-5
#: Fewest samples for a tail from three moments. With 6 to 8, levels of .05 come out as .05 to .08.
FEW_SAMPLES = 12
#: Most dominance of one sample. Above, levels of .05 and .001 came out as .03 to .09 and 0 to .007;
#: below, within a fifth and a half (``python -m evidence.tails``).
MOST_DOMINANCE = 0.5


def tail(z: ArrayLike, skewness: ArrayLike) -> Array:
    """Probability of at least so many deviations, by the Pearson III law of that skewness.

    It is a gamma law of shape ``4/skewness²``, moved and scaled to mean 0 and deviation 1, and a
    Gaussian where the skewness is too small for that.

    Examples
    --------
    >>> [round(float(tail(2.0, skewness)), 4) for skewness in (-0.5, 0.0, 0.5)]
    [0.0082, 0.0228, 0.0344]
    """
    above, skew = np.broadcast_arrays(np.asarray(z, np.float64), np.asarray(skewness, np.float64))
    plain = np.abs(skew) < _GAUSSIAN
    with np.errstate(invalid="ignore", divide="ignore"):
        beta = 2.0 / np.where(plain, 1.0, skew)
        shape = beta**2
        lengths = np.maximum(beta * (above + shape / beta), 0.0)
        gamma = np.where(
            skew > 0.0, special.gammaincc(shape, lengths), special.gammainc(shape, lengths)
        )
        return np.asarray(np.where(plain, special.ndtr(-above), gamma))


def trusted(moments: NullMoments, num_samples: int) -> bool:
    """Whether a tail from three moments can be believed."""
    return num_samples >= FEW_SAMPLES and moments.dominance <= MOST_DOMINANCE


def from_moments(moments: NullMoments) -> Null:
    """The null whose moments are known."""
    return Null(moments.mean, moments.sd, "moments", moments.skewness, np.empty(0), moments.step)


def from_scores(scores: Array, mean: float | None = None) -> Null:
    """The null of which orders were drawn; its mean may be known exactly."""
    mean = float(np.mean(scores)) if mean is None else mean
    sd = float(spread(scores, ddof=1))
    if sd == 0.0:
        return Null(mean, 0.0, "permutation", float("nan"), scores)
    skewness = float("nan")
    if len(scores) > 2:
        above = scores - np.mean(scores)
        skewness = float(np.mean(above**3) / np.mean(above**2) ** 1.5)
    return Null(mean, sd, "permutation", skewness, scores)


def effect(score: ArrayLike, mean: ArrayLike, aligned: float) -> Array:
    """``(score - mean) / (aligned - mean)``: 0 at chance, 1 for two identical representations.

    NaN where chance is as aligned as can be up to rounding, as of two representations that
    span all samples: the ratio would be one of roundings.
    """
    score, mean = np.asarray(score, np.float64), np.asarray(mean, np.float64)
    room = aligned - mean
    with np.errstate(invalid="ignore", divide="ignore"):
        there = np.abs(room) > TIE * np.maximum(abs(aligned), np.abs(mean))
        return np.asarray(np.where(there, (score - mean) / room, np.nan))


def spread(scores: Array, ddof: int = 0) -> Array:
    """Standard deviation over the first axis; exactly 0 where all scores are ties."""
    if not len(scores):
        return np.full(scores.shape[1:], np.nan)
    tied = np.ptp(scores, axis=0) <= TIE * np.max(np.abs(scores), axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(tied, 0.0, np.std(scores, axis=0, ddof=ddof))


def orders(num_samples: int, num_orders: int, seed: int) -> Orders:
    """Random orders of the rows, ``(num_orders, num_samples)``."""
    generator = np.random.default_rng(seed)
    return generator.permuted(np.tile(np.arange(num_samples), (num_orders, 1)), axis=1)


def counts(num_samples: int, num_resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each sample is drawn in bootstrap samples, ``(num_resamples, num_samples)``."""
    generator = np.random.default_rng(seed)
    shares = np.full(num_samples, 1.0 / num_samples)
    return generator.multinomial(num_samples, shares, size=num_resamples)
