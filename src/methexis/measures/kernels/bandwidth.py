"""The bandwidth of an RBF kernel in bootstrap samples: a median, another one in each.

``K = exp(-d² / 2σ²)`` with σ proportional to the median distance ``m`` sees no scale. A bootstrap
sample whose kernel is taken over with the bandwidth of all samples does see it: rows that are
farther apart than others are drawn more or less often, and scores that are not normalised follow.
They spread by more than between draws of new samples, where the bandwidth follows too.

A kernel for each bootstrap sample would cost ``n²`` exponentials each. To first order in its change
of bandwidth, ``δ = m_w / m - 1``, the score changes by

    g_x δ_x + g_y δ_y,    g = ∂ score / ∂ log σ  at all samples,

where ``∂K / ∂ log σ = K d² / σ²``, centred as K is. The median of a bootstrap sample follows from
the share of its pairs of different samples that lie within the median of all,
``F_w = Σ_{i≠j} w_i w_j [d_ij ≤ m] / Σ_{i≠j} w_i w_j``, one product of matrices: if the law of
distances is only moved, half of them are below its quantile at ``1 - F_w`` (Bahadur).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property
from methexis.measures.inputs.features import Tensor, to_numpy
from methexis.measures.kernels.estimators import centred
from methexis.measures.kernels.kernels import Distances
from methexis.measures.left_out import Groups
from methexis.measures.measure import Counts
from methexis.measures.pairs.bilinear import PairMatrix
from methexis.measures.pairs.entries import POWERS

#: Quantiles of the distances that are kept; medians of bootstrap samples lie between them.
NUM_QUANTILES = 1001


@dataclass(frozen=True, eq=False)
class RBFMatrix(PairMatrix):
    """A centred RBF kernel matrix, with what tells how it changes with its bandwidth."""

    distances: Distances
    bandwidth: float  # σ over the median distance
    estimator: str  # of `estimators`
    factor: float  # by which the centred kernel was multiplied

    def reordered(self, order: NDArray[np.int64]) -> Self:
        """Rows and columns in that order."""
        squares = self.distances.squares
        index: Any = self.xp.asarray(order, device=array_api_compat.device(squares))
        taken = self.xp.take(self.xp.take(squares, index, axis=0), index, axis=1)
        return replace(super().reordered(order), distances=Distances(taken))

    @property
    def response(self) -> Tensor:
        """The matrix's derivative by ``log σ``."""
        shares = self.distances.squares / (self.bandwidth * self.distances.median) ** 2
        kernel = self.xp.exp(-0.5 * shares)
        return self.factor * centred(self.xp, kernel * shares, self.estimator)

    def responses(self, *others: PairMatrix) -> list[float]:
        """Sums of the products of others' matrices and this one's derivative by ``log σ``.

        In blocks of rows. What centring takes from the derivative depends on one sample of a pair
        alone, and sums to zero against a centred matrix; not so by the estimator of Lange et al.,
        whose diagonal is missing.
        """
        xp, squares = self.xp, self.distances.squares
        scale = 1.0 / (self.bandwidth * self.distances.median) ** 2
        if self.estimator == "lange":
            whole = self.response
            return [float(xp.sum(whole * other.matrix)) for other in others]
        sums = [0.0] * len(others)
        height = max(1, POWERS // int(squares.shape[1]))
        for start in range(0, int(squares.shape[0]), height):
            shares = squares[start : start + height, :] * scale
            derivative = xp.exp(-0.5 * shares) * shares
            for k, other in enumerate(others):
                sums[k] += float(xp.sum(derivative * other.matrix[start : start + height, :]))
        return [self.factor * total for total in sums]

    def widened(self, counts: Counts) -> Array:
        """Bandwidths of bootstrap samples over that of all, less one, ``(num_resamples,)``.

        NaN of one that has no two different samples.
        """
        xp = self.xp
        weights: Any = xp.asarray(
            counts, dtype=self.matrix.dtype, device=array_api_compat.device(self.matrix)
        )
        near = xp.astype(self._near, self.matrix.dtype)
        inside = to_numpy(xp.sum((weights @ near) * weights, axis=1))
        return self._wider(counts, inside, float(xp.sum(near)))

    def widened_without(self, groups: Groups) -> Array:
        """The same without groups of samples."""
        xp, near = self.xp, self._near

        def within(some: NDArray[np.intp]) -> float:
            index: Any = xp.asarray(some, device=array_api_compat.device(near))
            inside = xp.take(xp.take(near, index, axis=0), index, axis=1)
            return float(xp.sum(inside, dtype=xp.int64))

        rows = to_numpy(xp.sum(near, axis=1, dtype=xp.int64)).astype(np.float64)
        return self._wider(groups.weights, groups.sums(rows, within), float(np.sum(rows)))

    def _wider(self, weights: Counts, inside: Array, near: float) -> Array:
        """Bandwidths from how many pairs of each resample are near, and of all samples."""
        own, n = np.sum(weights.astype(np.float64) ** 2, axis=1), len(self.matrix)
        # The diagonal, where distances are zero, is near; a sample is no pair with itself.
        pairs = np.sum(weights, axis=1) ** 2 - own
        # One sample drawn again and again has no pair.
        shares = (inside - own) / np.where(pairs > 0.5, pairs, np.nan)
        every = (near - n) / (n * (n - 1.0))
        # The share of all is not exactly half where pairs are odd in number or tied.
        wider: Array = np.interp(0.5 - (shares - every), *self._quantiles) - 1.0
        return wider

    @property
    def _near(self) -> Tensor:
        """Whether a distance is at most the median."""
        near: Tensor = self.distances.squares <= self.distances.median**2
        return near

    @cached_property
    def _quantiles(self) -> tuple[Array, Array]:
        """Levels, and the distances there over the median."""
        levels = np.linspace(0.0, 1.0, NUM_QUANTILES)
        ordered = self.distances.ordered
        places = np.round(levels * (len(ordered) - 1)).astype(np.int64)
        lengths = np.sqrt(ordered[places]) / self.distances.median
        lengths[NUM_QUANTILES // 2] = 1.0  # the median itself, whatever its rounding
        return levels, lengths


def moved(
    a: RBFMatrix, b: RBFMatrix, wider: tuple[Array, Array], score: float, *, normalised: bool
) -> Array:
    """Change of resamples' scores that their bandwidths make, to first order.

    From the `score` of all samples, and how much wider both bandwidths are; where it is a cosine,
    ``N / √(A B)``, its derivative is less by
    that of the normaliser.
    """
    total: Any = 0.0
    for own, other, more in ((a, b, wider[0]), (b, a, wider[1])):
        slope, shrinking = own.responses(other, own)
        if normalised:
            slope -= score * shrinking
        total = total + slope * more
    return np.asarray(total)
