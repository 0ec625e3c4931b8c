"""Linear kernels of many samples: every sum over pairs from the features, no matrix over pairs.

``Σ_ij (x_i·x_j)(y_i·y_j) = ‖XᵀY‖²_F`` takes ``n d_x d_y`` operations. With centred features the
sums of rows of ``XXᵀ`` are zero, so the diagonals ``k_i = ‖x_i‖²`` and ``l_i = ‖y_i‖²`` are all
that debiased estimators need beside it (`estimators`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.measures.inputs.features import Namespace, Tensor
from methexis.measures.kernels.estimators import (
    DEBIASED,
    Sums,
    centred,
    centred_totals,
    estimate,
    shares,
)
from methexis.measures.measure import NullMoments
from methexis.measures.pairs.bilinear import PairForm, PairMatrix
from methexis.measures.pairs.moments import PairSums, null_mean, null_moments, pair_sums
from methexis.measures.pairs.products import Products

#: With more samples than this, linear kernels work from features, unless there are so many that a
#: matrix over pairs is smaller: it would take half a gigabyte.
MOST_SAMPLES = 8192
#: Entries of ``XᵀY`` held at a time.
BLOCK = 1 << 24


def suits(rows: Tensor) -> bool:
    """Whether features take less than a matrix over pairs: many samples, at most half as wide."""
    return suits_shape(*(int(length) for length in rows.shape))


def suits_shape(num_samples: int, num_features: int) -> bool:
    """The same from their numbers."""
    return num_samples > MOST_SAMPLES and 2 * num_features <= num_samples


@dataclass(frozen=True, eq=False)
class FeatureRows(PairForm):
    """Features of a linear kernel.

    Attributes
    ----------
    rows : array (num_samples, num_features)
        Centred, if the estimator centres.
    estimator : str
        Of `estimators`.
    factor : float
        By which sums are multiplied, to be normalised.
    xp : namespace
        Of the library that holds them.
    """

    rows: Tensor
    estimator: str
    factor: float
    xp: Namespace

    @cached_property
    def diagonal(self) -> Tensor:
        """Squared lengths of the rows."""
        return self.xp.sum(self.rows * self.rows, axis=1)

    def inner(self, other: FeatureRows) -> float:
        """Sum over pairs of samples."""
        return self.factor * other.factor * self.raw(other)

    def raw(self, other: FeatureRows) -> float:
        """The same without factors."""
        xp, n = self.xp, int(self.rows.shape[0])
        whole = squared_cross(xp, self.rows, other.rows)
        one, two = self.diagonal, other.diagonal
        both, traces = float(xp.sum(one * two)), float(xp.sum(one)) * float(xp.sum(two))
        return float(
            estimate(Sums.of_centred(n, whole, whole - both, both, traces), self.estimator)
        )

    def reordered(self, order: NDArray[np.int64]) -> FeatureRows:
        """The rows in that order."""
        index: Any = self.xp.asarray(order, device=array_api_compat.device(self.rows))
        rows = self.xp.take(self.rows, index, axis=0)
        return FeatureRows(rows, self.estimator, self.factor, self.xp)

    @cached_property
    def sums(self) -> PairSums:
        """What moments over orders need, in blocks of pairs."""
        xp, rows, squares = self.xp, self.rows, self.diagonal
        n, d = (int(length) for length in rows.shape)
        core = xp.eye(d, dtype=rows.dtype, device=array_api_compat.device(rows))
        nothing = xp.zeros_like(squares)
        if self.estimator == "song":  # without the diagonal rows sum to -k
            p, q = shares("song", n)
            rows = xp.concat([rows, squares[:, None], xp.ones_like(squares)[:, None]], axis=1)
            wide = xp.zeros((d + 2, d + 2), dtype=rows.dtype, device=array_api_compat.device(rows))
            wide[:d, :d] = core
            wide[d, d + 1] = wide[d + 1, d] = 1.0 / p
            wide[d + 1, d + 1] = -float(xp.sum(squares)) / q
            core = wide
        diagonal = nothing if self.estimator in DEBIASED else squares
        return pair_sums(Products(rows, self.factor * core, self.factor * diagonal))

    @cached_property
    def matrix(self) -> PairMatrix:
        """The matrix over pairs after all, to be compared with one."""
        kernel = self.rows @ self.rows.T
        matrix = self.factor * centred(self.xp, kernel, self.estimator)
        return PairMatrix(matrix, kernel if self.estimator == "lange" else matrix, self.xp)

    def null_moments(self, other: FeatureRows) -> NullMoments:
        """Exact moments, from sums that each keeps."""
        return null_moments(self.sums, other.sums)

    def null_mean(self, other: FeatureRows) -> float:
        """Exact mean, from the sums of the diagonal and of the other entries."""
        n = int(self.rows.shape[0])
        return self.factor * other.factor * null_mean(n, self._totals(), other._totals())

    def _totals(self) -> tuple[float, float]:
        """Sums of the centred kernel's diagonal and of its other entries."""
        trace = float(self.xp.sum(self.diagonal))
        if self.estimator == "plain":
            sums = self.xp.sum(self.rows, axis=0)
            return trace, float(self.xp.sum(sums * sums)) - trace
        return centred_totals(self.estimator, trace)


def squared_cross(xp: Namespace, x: Tensor, y: Tensor) -> float:
    """``‖XᵀY‖²_F``, in blocks of columns of X."""
    width = max(1, BLOCK // int(y.shape[1]))
    total = 0.0
    for start in range(0, int(x.shape[1]), width):
        cross = x[:, start : start + width].T @ y
        total += float(xp.sum(cross * cross))
    return total
