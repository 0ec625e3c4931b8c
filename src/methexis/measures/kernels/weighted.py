"""Estimators of HSIC of bootstrap samples: every sample with the number of times it was drawn.

Sample i is drawn ``w_i`` times, ``Σ w_i = n``. Biased estimators are V-statistics: averages over
all pairs, where a sample makes a pair with itself, and with its duplicate as well; centring uses
the weights. Debiased estimators are averages over *different* samples, and a sample and its
duplicate are not different. So Song's estimator, the U-statistic

    HSIC₁ = Σ_{i,j,q,r distinct} [K_ij L_ij + K_ij L_qr - 2 K_ij L_iq] / (n)_4,

becomes the same average with weights ``w_i w_j w_q w_r``, over distinct *originals*. Averaging the
three terms apart would be simpler, but constants added to a kernel would no longer cancel.

A limit of both: the part of a score that is quadratic in the samples has three times the variance
over bootstrap samples that it has over samples (`resampling` tells why). Where it is all there is,
for unrelated representations, intervals are too wide; ``python -m evidence.coverage`` shows how
much.

The sums over distinct indices come from products ``K w^a`` and forms ``w^a (K∘L) w^b``, powers
entry by entry, of matrices without diagonal; so all bootstrap samples are computed at once by
products of matrices. A `Weighted` holds these for one block of bootstrap samples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from methexis.measures.inputs.features import Namespace, Tensor


class Weighted(ABC):
    """A pair of kernels K, L under weights ``w`` of shape ``(num_resamples, num_samples)``.

    Attributes
    ----------
    xp : namespace
        Of the library that holds everything.
    powers : dict
        ``w^a`` for a = 1, 2, 3.
    diagonals : (array, array)
        The diagonals of K and L, ``(num_samples,)``.
    """

    xp: Namespace
    powers: dict[int, Tensor]
    diagonals: tuple[Tensor, Tensor]

    @abstractmethod
    def form(self, a: int, b: int) -> Tensor:
        """``Σ_{i≠j} w_i^a K_ij L_ij w_j^b``, ``(num_resamples,)``; a ≤ b."""

    @abstractmethod
    def product(self, side: int, a: int) -> Tensor:
        """``Σ_{j≠i} K_ij w_j^a``, ``(num_resamples, num_samples)``; of L for side 1."""


def estimate(pair: Weighted, estimator: str) -> Tensor:
    """``Σ A_ij B_ij`` of each bootstrap sample; with all weights 1, that of the samples."""
    if estimator == "song":
        return _song(pair)
    xp, w = pair.xp, pair.powers[1]
    n = w.shape[1]
    k, l = pair.diagonals  # noqa: E741
    found = pair.form(1, 1) + _sum(xp, w * w * (k * l))
    if estimator == "plain":
        return found
    rows, others = pair.product(0, 1) + w * k, pair.product(1, 1) + w * l
    total, other = _sum(xp, w * rows), _sum(xp, w * others)
    found = found - 2.0 / n * _sum(xp, w * rows * others) + total * other / n**2
    if estimator == "lange":
        k_centred = k - 2.0 / n * rows + total[:, None] / n**2
        l_centred = l - 2.0 / n * others + other[:, None] / n**2
        found = found - _sum(xp, w * w * k_centred * l_centred)
    return found


def _song(pair: Weighted) -> Tensor:
    xp = pair.xp
    w, w2 = pair.powers[1], pair.powers[2]
    n = w.shape[1]
    s1, s2, s3, s4 = float(n), _sum(xp, w2), _sum(xp, w * w2), _sum(xp, w2 * w2)
    f11, f12, f13, f22 = (pair.form(*powers) for powers in ((1, 1), (1, 2), (1, 3), (2, 2)))
    u, v, u2, v2 = (pair.product(side, a) for a in (1, 2) for side in (0, 1))
    # Pairs i, j: the other two, q ≠ r, weigh
    # (s1² - s2) - 2 s1 (w_i + w_j) + 2 (w_i² + w_j²) + 2 w_i w_j.
    pairs = (s1**2 - s2) * f11 - 4.0 * s1 * f12 + 4.0 * f13 + 2.0 * f22
    # Chains j - i - q: the fourth weighs s1 - w_i - w_j - w_q.
    chains = (
        _sum(xp, w * (s1 - w) * u * v)
        - (s1 * f12 - f22)
        - _sum(xp, w * (u2 * v + u * v2))
        + 2.0 * f13
    )
    # Two pairs apart: all, less those that share one sample (in four ways) or both (in two).
    shared = _sum(xp, w2 * u * v) - f22
    apart = _sum(xp, w * u) * _sum(xp, w * v) - 4.0 * shared - 2.0 * f22
    quadruples = s1**4 - 6.0 * s1**2 * s2 + 3.0 * s2**2 + 8.0 * s1 * s3 - 6.0 * s4
    return per_quadruple(xp, n * (n - 3) * (pairs + apart - 2.0 * chains), quadruples)


def per_quadruple(xp: Namespace, total: Tensor, quadruples: Tensor) -> Tensor:
    """Average over quadruples; NaN where fewer than four different samples were drawn."""
    some = quadruples > 0.5  # weights are whole numbers, or near 1 where a sample is left out
    found = total / xp.where(some, quadruples, xp.ones_like(quadruples))
    return xp.where(some, found, xp.full_like(found, float("nan")))


def _sum(xp: Namespace, array: Tensor) -> Tensor:
    return xp.sum(array, axis=1)
