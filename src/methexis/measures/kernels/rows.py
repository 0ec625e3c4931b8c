"""Linear kernels of many samples: every sum over pairs from the features, no matrix over pairs.

Up to `MOST_SAMPLES` the matrix is made after all where it is faster: for many layers, whose
matrices serve all pairs, and for many bootstrap samples.

``Σ_ij (x_i·x_j)(y_i·y_j) = ‖XᵀY‖²_F`` takes ``n d_x d_y`` operations. With centred features the
sums of rows of ``XXᵀ`` are zero, so the diagonals ``k_i = ‖x_i‖²`` and ``l_i = ‖y_i‖²`` are all
that debiased estimators need beside it (`estimators`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property
from methexis.measures.inputs.features import Namespace, Tensor, to_numpy
from methexis.measures.kernels.estimators import (
    DEBIASED,
    Sums,
    centred,
    centred_totals,
    estimate,
    shares,
)
from methexis.measures.pairs.bilinear import PairForm, PairMatrix
from methexis.measures.pairs.influence import without_each
from methexis.measures.pairs.moments import PairSums, null_mean, pair_sums
from methexis.measures.pairs.products import Products
from methexis.measures.work import Work, pair_work, passes, products

#: With more samples than the first, linear kernels work from features, unless there are so many
#: of these that a matrix over pairs is smaller; with more than the second, where it would take half
#: a gigabyte, no matrix is made.
FEW_SAMPLES, MOST_SAMPLES = 2048, 8192
#: Entries of ``XᵀY`` held at a time.
BLOCK = 1 << 24
#: Nanoseconds of one core per pair of samples where moments come from features (squares and cubes
#: of blocks), and per feature of each sample that is put in order.
_BLOCKS, _TAKEN = 4.0, 8.0
#: Multiply-adds per pair of samples that a bootstrap sample takes where there are matrices.
BOOTSTRAPPED = 9.0


def suits(num_samples: int, num_features: int) -> bool:
    """Whether features take less than a matrix over pairs: many samples, at most half as wide."""
    few = min(FEW_SAMPLES, MOST_SAMPLES)
    return num_samples > few and 2 * num_features <= num_samples


def made(num_samples: int) -> bool:
    """Whether so few samples have a matrix over pairs where many layers or resamples ask for it."""
    return num_samples <= MOST_SAMPLES


def rows_work(n: int, num_features: tuple[int, int], matrices: float) -> Work:
    """The work of features alone: every sum over pairs is a product of features.

    Of few samples there is memory for so many matrices over pairs, which bootstrap samples take.
    """
    a, b = num_features
    own, cross = n * (a * a + b * b), n * a * b
    pairs, numbers = float(n) ** 2, passes(n * (a + b), _TAKEN)
    resample = products(2.0 * (own + cross)) + numbers
    if made(n):
        resample = products(BOOTSTRAPPED * pairs, 2 * 0.05)
    work = pair_work(
        n,
        num_features,
        products(0.5 * own) + numbers,
        products(cross),
        moments=products(2.0 * own + 0.5 * pairs * (a + b)) + passes(2.0 * pairs, _BLOCKS),
        order=products(cross) + passes(n * b, _TAKEN),
        resample=resample,
        pair_matrices=matrices if made(n) else 0.0,
    )
    # Sums along rows, and of the pairs within each of at least twelve groups.
    groups = products(2.0 * (own + cross) + pairs * (a + b) / 12.0) + 4.0 * numbers
    return replace(work, groups=groups)


@dataclass(frozen=True, eq=False)
class FeatureRows(PairForm):
    """Features of a linear kernel, of an estimator of `estimators`."""

    rows: Tensor  # (num_samples, num_features), centred if the estimator centres
    estimator: str
    factor: float  # by which sums are multiplied, to be normalised
    xp: Namespace

    @cached_property
    def diagonal(self) -> Tensor:
        """Squared lengths of the rows."""
        return self.xp.sum(self.rows * self.rows, axis=1)

    @cached_property
    def square(self) -> float:
        """Squared Frobenius norm of the kernel, ``‖XᵀX‖²``."""
        return squared_cross(self.xp, self.rows, self.rows)

    @property
    def whole(self) -> PairMatrix | None:
        """The matrix over pairs, up to `MOST_SAMPLES`."""
        return self.matrix if made(int(self.rows.shape[0])) else None

    def times(self, weights: Tensor) -> Tensor:
        """Products of vectors with the kernel, in two steps."""
        return (weights @ self.rows) @ self.rows.T

    def inner(self, other: FeatureRows) -> float:
        """Sum over pairs of samples."""
        return self.factor * other.factor * self.raw(other)

    def raw(self, other: FeatureRows) -> float:
        """Sum over pairs of samples, without the normalising factors."""
        xp, n = self.xp, int(self.rows.shape[0])
        whole = self.square if other is self else squared_cross(xp, self.rows, other.rows)
        one, two = self.diagonal, other.diagonal
        both, traces = float(xp.sum(one * two)), float(xp.sum(one)) * float(xp.sum(two))
        return float(
            estimate(Sums.of_centred(n, whole, whole - both, both, traces), self.estimator)
        )

    def influence(self, other: FeatureRows) -> Array:
        """How much each sample moves `inner`: as of matrices, up to a negligible 1/n."""
        sums = self._along(other), self._along(self), other._along(other)
        return without_each(self.inner(other), *sums)

    def along(self, other: FeatureRows) -> Tensor:
        """Sums along the rows of the product of both kernels, without the normalising factors."""
        return self.xp.sum((self.rows @ (self.rows.T @ other.rows)) * other.rows, axis=1)

    def _along(self, other: FeatureRows) -> tuple[Array, Array]:
        """The same with the factors, and the diagonal of the product."""
        sums = self.along(other)
        diagonal = self.diagonal * other.diagonal
        if self.estimator in DEBIASED:
            sums, diagonal = sums - diagonal, self.xp.zeros_like(diagonal)
        factor = self.factor * other.factor
        return to_numpy(sums * factor), to_numpy(diagonal * factor)

    def reordered(self, order: NDArray[np.int64]) -> Self:
        """The features with their rows in another order."""
        index: Any = self.xp.asarray(order, device=array_api_compat.device(self.rows))
        return replace(self, rows=self.xp.take(self.rows, index, axis=0))

    @cached_property
    def sums(self) -> PairSums:
        """What moments over orders need, in blocks of pairs."""
        xp, rows, squares = self.xp, self.rows, self.diagonal
        n, d = (int(length) for length in rows.shape)
        where = array_api_compat.device(rows)
        core = xp.ones(d, dtype=rows.dtype, device=where)
        nothing = xp.zeros_like(squares)
        if self.estimator == "song":  # without the diagonal rows sum to -k
            p, q = shares("song", n)
            rows = xp.concat([rows, squares[:, None], xp.ones_like(squares)[:, None]], axis=1)
            wide = xp.zeros((d + 2, d + 2), dtype=rows.dtype, device=where)
            wide[:d, :d] = xp.eye(d, dtype=rows.dtype, device=where)
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
