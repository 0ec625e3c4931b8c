"""Estimators of HSIC, each written once: of matrices over pairs, and of a few sums over pairs.

With matrices K and L of two symmetric kernels over n samples, every estimator is ``Σ_ij A_ij B_ij``
over a divisor. A comes from K as B comes from L: with row sums ``r_i = Σ_j K_ij`` and ``s = Σ r_i``

    A_ij = K_ij - (r_i + r_j) / p + s / q,

and estimators differ in p, q and in what becomes of the diagonal:

    estimator   p     q            diagonal of K   of A    divisor
    biased      n     n²           stays           stays   (n-1)²    Gretton et al. 2005
    lange       n     n²           stays           0       n(n-3)    Lange et al. 2023
    song        n-2   (n-1)(n-2)   0               0       n(n-3)    Song et al. 2012, HSIC₁
    plain       ∞     ∞            stays           stays

- *biased*: A is ``H K H`` with ``H = I - 1 1ᵀ/n``. Its expectation is positive even for independent
  samples, and for ``d ≫ n`` its normalised form goes to 1.
- *song* is unbiased; this form of it is that of Székely and Rizzo (2014). As an inner product it is
  a cosine when normalised, so it lies in [-1, 1].
- *lange* is almost unbiased: the diagonal still enters through the means.
- *plain* does not centre.

**From sums.** Rows of A sum to zero, over all j (biased) or over j ≠ i (song: the sum is
``r_i (1 - (n-2)/p) + s ((n-1)/q - 1/p) = 0``). So what is subtracted from L to make B adds nothing,
``Σ A_ij B_ij = Σ A_ij L_ij``, and with row sums u of L, whose sum is v,

    Σ_ij A_ij B_ij = Σ_ij K_ij L_ij - 2 Σ_i r_i u_i / p + s v / q,                        (1)

all sums with the diagonals (biased) or without them (song). Lange's estimator is the biased one
less ``Σ_i A_ii B_ii``. Each way of computing supplies these sums as `Sums`: from features (`rows`),
for all pairs of many layers (`grids`), in one pass (`streaming.pass_moments`), for bootstrap
samples (`bootstrap`). They differ in memory and rounding, not in the formula. If the features of a
linear kernel are centred, ``r = 0``, and without the diagonal the row sums are ``-K_ii``: sums over
the diagonals are then all that debiased estimators need (`Sums.of_centred`).

**With weights.** In a bootstrap sample, sample i is drawn ``w_i`` times, ``Σ w_i = n``. Biased
estimators are V-statistics: averages over all pairs, where a sample makes a pair with itself, and
with its duplicate as well; centring uses the weights, and (1) holds with weighted sums. Debiased
estimators are averages over *different* samples, and a sample and its duplicate are not different.
So Song's estimator, the U-statistic

    HSIC₁ = Σ_{i,j,q,r distinct} [K_ij L_ij + K_ij L_qr - 2 K_ij L_iq] / (n)_4,           (2)

becomes the same average with weights ``w_i w_j w_q w_r``, over distinct *originals*. Averaging the
three terms apart would be simpler, but constants added to a kernel would no longer cancel. Weights
of one give (1): of the three sums over distinct samples, P = ``Σ_{i≠j} K_ij L_ij`` enters with
``(n-2)(n-3) + 2 + 2(n-3) = (n-1)(n-2)``, R = ``Σ r_i u_i`` with ``-4 - 2(n-3) = -2(n-1)``, and
``s v`` once; times ``n(n-3) / (n)_4 = 1 / ((n-1)(n-2))`` that is (1).

A limit of both: the part of a score that is quadratic in the samples has three times the variance
over bootstrap samples that it has over samples (`resampling` tells why). Where it is all there is,
for unrelated representations, intervals are too wide; ``python -m evidence.coverage`` shows how
much.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf, nan
from typing import Any

from methexis.measures.inputs.features import Namespace, Tensor
from methexis.measures.kernels.kernels import hollow
from methexis.measures.pairs.entries import LARGE, POWERS

ESTIMATORS = ("biased", "song", "lange", "plain")
#: Those that leave out pairs of a sample with itself: zero on average for independent samples.
DEBIASED = ("song", "lange")


def shares(estimator: str, num_samples: int) -> tuple[float, float]:
    """``p`` and ``q``: what row sums and the sum of all are divided by."""
    n = float(num_samples)
    if estimator == "plain":
        return inf, inf
    return (n - 2.0, (n - 1.0) * (n - 2.0)) if estimator == "song" else (n, n * n)


def divisor(num_samples: int, estimator: str) -> float:
    """What makes ``Σ A_ij B_ij`` an estimate of HSIC."""
    n = num_samples
    return float((n - 1) ** 2 if estimator == "biased" else n * (n - 3))


def centred(xp: Namespace, kernel: Tensor, estimator: str) -> Tensor:
    """The matrix A of an estimator, from a symmetric kernel matrix."""
    if estimator == "plain":
        return kernel
    p, q = shares(estimator, int(kernel.shape[0]))
    if estimator == "song":
        kernel = hollow(xp, kernel)
    rows = xp.sum(kernel, axis=0)
    means = rows / p
    if int(kernel.shape[0]) < LARGE:
        matrix = kernel - means[:, None] - means[None, :] + xp.sum(rows) / q
    else:  # symmetric to the last bit, of which products make use
        matrix, total = xp.empty_like(kernel), xp.sum(rows) / q
        height = max(1, POWERS // int(kernel.shape[0]))
        for start in range(0, int(kernel.shape[0]), height):
            some = slice(start, start + height)
            matrix[some, :] = kernel[some, :] - (means[some, None] + means[None, :])
            matrix[some, :] += total
    return hollow(xp, matrix) if estimator in DEBIASED else matrix


def centred_totals(estimator: str, trace: float) -> tuple[float, float]:
    """Sums of the diagonal of A and of its other entries, for a kernel of centred features.

    Rows of ``H K H`` sum to zero, and those of Song's matrix, which has no diagonal.
    """
    return {"biased": (trace, -trace), "lange": (0.0, -trace), "song": (0.0, 0.0)}[estimator]


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over pairs of samples of two kernels K and L: numbers, or arrays of many such sums."""

    num_samples: int
    #: ``Σ_ij K_ij L_ij``, ``Σ_i r_i u_i`` and ``s v``, with the diagonals and, below, without, each
    #: as exact as can be.
    whole: tuple[Any, Any, Any]
    off: tuple[Any, Any, Any]
    #: ``Σ_i (A_ii B_ii - K_ii L_ii)`` with ``A = H K H``: what centring makes of the diagonals.
    change: Any = 0.0

    @classmethod
    def of_centred(
        cls, num_samples: int, whole: Any, off: Any, diagonals: Any, traces: Any
    ) -> Sums:
        """The sums of linear kernels of centred features, or of kernels compared as they are.

        From ``Σ_ij K_ij L_ij``, the same for ``i ≠ j``, ``Σ_i K_ii L_ii`` and ``Tr K Tr L``: rows
        sum to zero, without the diagonal to ``-K_ii``, and ``H K H = K``.
        """
        return cls(num_samples, (whole, 0.0, 0.0), (off, diagonals, traces))

    @classmethod
    def of_hollow(cls, num_samples: int, pairs: float, rows: float, totals: float) -> Sums:
        """The sums of kernels with zero diagonals, from ``Tr(K L)``, ``1ᵀK L1`` and ``1ᵀK1 1ᵀL1``.

        ``A_ii = s/n² - 2 r_i/n`` makes ``Σ A_ii B_ii = 4 Σ r_i u_i / n² - 3 s v / n³``. Of kernels
        that are not symmetric, as of neighbours, (1) is no longer an average over quadruples; the
        programs of CKNNA compute it nevertheless, with these sums.
        """
        sums, n = (pairs, rows, totals), num_samples
        return cls(n, sums, sums, 4.0 * rows / n**2 - 3.0 * totals / n**3)


def estimate(sums: Sums, estimator: str) -> Any:
    """``Σ_ij A_ij B_ij`` of an estimator, equation (1)."""
    p, q = shares(estimator, sums.num_samples)
    products, rows, totals = sums.off if estimator == "song" else sums.whole
    if estimator != "lange":
        return products - 2.0 * rows / p + totals / q
    # The biased one less Σ A_ii B_ii, in which Σ K_ii L_ii cancels: it is never added.
    return sums.off[0] - 2.0 * rows / p + totals / q - sums.change


def size(sums: Sums, estimator: str) -> Any:
    """Sum of the terms, all taken positive, of which a kernel's estimate with itself is made.

    An estimate far below it is a small difference of large numbers. ``Σ A_ij²`` of a centred linear
    kernel is the sum of all products less those on the diagonal, but Song's is made without these.
    """
    if estimator != "song":
        return sums.whole[0]
    p, q = shares(estimator, sums.num_samples)
    products, rows, totals = sums.off
    return products + 2.0 * rows / p + totals / q


class WeightedPair(ABC):
    """Two kernels in bootstrap samples, of weights ``w``, ``(num_resamples, num_samples)``.

    Sums come from products ``K w^a`` and forms ``w^a (K∘L) w^b``, powers entry by entry, of
    matrices without diagonal; so all bootstrap samples are computed by products of matrices.
    """

    xp: Namespace
    powers: dict[int, Tensor]  # ``w^a`` for a = 1, 2, 3
    diagonals: tuple[Tensor, Tensor]  # of K and L, ``(num_samples,)``

    @abstractmethod
    def form(self, a: int, b: int) -> Tensor:
        """``Σ_{i≠j} w_i^a K_ij L_ij w_j^b``, ``(num_resamples,)``; a ≤ b."""

    @abstractmethod
    def product(self, side: int, a: int) -> Tensor:
        """``Σ_{j≠i} K_ij w_j^a``, ``(num_resamples, num_samples)``; of L for side 1."""

    def estimate(self, estimator: str) -> Tensor:
        """``Σ_ij A_ij B_ij`` of each bootstrap sample; with all weights 1, that of the samples."""
        if estimator == "song":
            return self._song()
        w, (k, l) = self.powers[1], self.diagonals  # noqa: E741
        off = self.form(1, 1)
        # Each original makes w² pairs with itself and its duplicates.
        whole = off + self._sum(self.powers[2] * (k * l))
        if estimator == "plain":
            return whole
        n = int(w.shape[1])
        p, q = shares(estimator, n)
        rows = [self.product(side, 1) + w * own for side, own in enumerate((k, l))]
        totals = [self._sum(w * of_side) for of_side in rows]
        a, b = (
            own - 2.0 * of_side / p + total[:, None] / q
            for own, of_side, total in zip((k, l), rows, totals, strict=True)
        )
        sums = (whole, self._sum(w * rows[0] * rows[1]), totals[0] * totals[1])
        change = self._sum(self.powers[2] * (a * b - k * l))
        return estimate(Sums(n, sums, (off, nan, nan), change), estimator)

    def _song(self) -> Tensor:
        """Equation (2) with weights, times n(n-3).

        Sums over distinct originals are sums over free ones less those where some coincide; ``u``
        and ``v`` are products ``K w`` and ``L w`` without diagonal.
        """
        w, w2 = self.powers[1], self.powers[2]
        n = int(w.shape[1])
        s1, s2, s3, s4 = float(n), self._sum(w2), self._sum(w * w2), self._sum(w2 * w2)
        f11, f12, f13, f22 = (self.form(*powers) for powers in ((1, 1), (1, 2), (1, 3), (2, 2)))
        u, v, u2, v2 = (self.product(side, a) for a in (1, 2) for side in (0, 1))
        # Pairs i, j: the other two, q ≠ r, weigh
        # (s1² - s2) - 2 s1 (w_i + w_j) + 2 (w_i² + w_j²) + 2 w_i w_j.
        pairs = (s1**2 - s2) * f11 - 4.0 * s1 * f12 + 4.0 * f13 + 2.0 * f22
        # Chains j - i - q: the fourth weighs s1 - w_i - w_j - w_q.
        chains = (
            self._sum(w * (s1 - w) * u * v)
            - (s1 * f12 - f22)
            - self._sum(w * (u2 * v + u * v2))
            + 2.0 * f13
        )
        # Two pairs apart: all, less those that share one sample (in four ways) or both (in two).
        sharing = self._sum(w2 * u * v) - f22
        apart = self._sum(w * u) * self._sum(w * v) - 4.0 * sharing - 2.0 * f22
        quadruples = s1**4 - 6.0 * s1**2 * s2 + 3.0 * s2**2 + 8.0 * s1 * s3 - 6.0 * s4
        return song_of_quadruples(self.xp, n, (pairs, apart, chains), quadruples)

    def _sum(self, array: Tensor) -> Tensor:
        return self.xp.sum(array, axis=1)


def song_of_quadruples(
    xp: Namespace, num_samples: int, sums: tuple[Tensor, Tensor, Tensor], quadruples: Tensor
) -> Tensor:
    """Equation (2), times n(n-3); NaN where fewer than four different samples were drawn.

    The sums are of ``K_ij L_ij``, ``K_ij L_qr`` and ``K_ij L_iq`` over distinct i, j, q, r,
    weighted; `quadruples` is the sum of their weights.
    """
    pairs, apart, chains = sums
    total = num_samples * (num_samples - 3) * (pairs + apart - 2.0 * chains)
    some = quadruples > 0.5  # weights are whole numbers, or near 1 where a sample is left out
    mean = total / xp.where(some, quadruples, xp.ones_like(quadruples))
    return xp.where(some, mean, xp.full_like(mean, float("nan")))
