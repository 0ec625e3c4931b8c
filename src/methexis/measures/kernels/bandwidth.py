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

from methexis.core.caching import cached_property
from methexis.core.checks import Array
from methexis.measures.inputs.features import Features, Tensor, to_numpy
from methexis.measures.kernels.estimators import centred
from methexis.measures.kernels.kernels import squared_distances
from methexis.measures.measure import Counts
from methexis.measures.pairs.bilinear import PairMatrix

#: Quantiles of the distances that are kept; medians of bootstrap samples lie between them.
NUM_QUANTILES = 1001


@dataclass(frozen=True, eq=False)
class RBFMatrix(PairMatrix):
    """A centred RBF kernel matrix, with what tells how it changes with its bandwidth."""

    features: Features  # of which the distances are
    bandwidth: float  # σ over the median distance
    estimator: str  # of `estimators`
    factor: float  # by which the centred kernel was multiplied

    def reordered(self, order: NDArray[np.int64]) -> Self:
        """Rows and columns in that order."""
        array = self.features.array
        index: Any = self.xp.asarray(order, device=array_api_compat.device(array))
        features = self.features.replaced(self.xp.take(array, index, axis=0))
        return replace(super().reordered(order), features=features)

    @cached_property
    def response(self) -> Tensor:
        """The matrix's derivative by ``log σ``."""
        shares = self._squares / (self.bandwidth * self._median) ** 2
        kernel = self.xp.exp(-0.5 * shares)
        return self.factor * centred(self.xp, kernel * shares, self.estimator)

    def widened(self, counts: Counts) -> Array:
        """Bandwidths of bootstrap samples over that of all, less one, ``(num_resamples,)``.

        NaN of one that has no two different samples.
        """
        xp = self.xp
        weights: Any = xp.asarray(
            counts, dtype=self.matrix.dtype, device=array_api_compat.device(self.matrix)
        )
        near = xp.astype(self._squares <= self._median**2, weights.dtype)
        ones = xp.ones_like(weights[:1, :])

        def share(w: Tensor) -> Array:
            # The diagonal, where distances are zero, is near; a sample is no pair with itself.
            inside = xp.sum((w @ near) * w, axis=1) - xp.sum(w * w, axis=1)
            pairs = to_numpy(xp.sum(w, axis=1) ** 2 - xp.sum(w * w, axis=1))
            # One sample drawn again and again has no pair.
            shares: Array = to_numpy(inside) / np.where(pairs > 0.5, pairs, np.nan)
            return shares

        # The share of all is not exactly half where pairs are odd in number or tied.
        level = 0.5 - (share(weights) - share(ones))
        wider: Array = np.interp(level, *self._quantiles) - 1.0
        return wider

    @cached_property
    def _squares(self) -> Tensor:
        return squared_distances(self.features)

    @cached_property
    def _ordered(self) -> Array:
        """Squared distances of all pairs, from the smallest."""
        squares = to_numpy(self._squares)
        return np.sort(squares[np.triu_indices(len(squares), k=1)])

    @cached_property
    def _median(self) -> float:
        middle = len(self._ordered) // 2
        below = middle if len(self._ordered) % 2 else middle - 1
        return float(0.5 * np.sum(np.sqrt(self._ordered[[below, middle]])))

    @cached_property
    def _quantiles(self) -> tuple[Array, Array]:
        """Levels, and the distances there over the median."""
        levels = np.linspace(0.0, 1.0, NUM_QUANTILES)
        places = np.round(levels * (len(self._ordered) - 1)).astype(np.int64)
        lengths = np.sqrt(self._ordered[places]) / self._median
        lengths[NUM_QUANTILES // 2] = 1.0  # the median itself, whatever its rounding
        return levels, lengths


def moved(a: RBFMatrix, b: RBFMatrix, counts: Counts, score: float, *, normalised: bool) -> Array:
    """Change of bootstrap samples' scores that their bandwidths make, to first order.

    From the `score` of all samples; where it is a cosine, ``N / √(A B)``, its derivative is less by
    that of the normaliser.
    """
    total: Any = 0.0
    for own, other in ((a, b), (b, a)):
        slope = float(own.xp.sum(own.response * other.matrix))
        if normalised:
            slope -= score * float(own.xp.sum(own.response * own.matrix))
        total = total + slope * own.widened(counts)
    return np.asarray(total)
