"""Measures that are one sum over pairs of samples: ``score = Σ_ij a_ij b_ij``.

CKA, HSIC, RV, the cosine of Gram matrices, distance correlation, representational similarity with
Pearson or Spearman correlation, and the overlap of neighbour lists are all of this form; they
differ in how a representation becomes its matrix ``a``. So permutations, exact moments over all of
them and batches over many pairs are written once, here: with matrices as vectors over pairs of
samples, a grid of scores is one product of two matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.measures import moments
from methexis.measures.features import Namespace, Tensor
from methexis.measures.measure import Measure, NullMoments, Orders
from methexis.measures.pair_products import pair_products


@dataclass(frozen=True, eq=False)
class PairMatrix:
    """A representation as a matrix over pairs of samples.

    Attributes
    ----------
    matrix : array (num_samples, num_samples)
        Normalised such that the score of a pair is the sum of the products of entries.
    kernel : array (num_samples, num_samples)
        What bootstrap samples are made from: they are centred and normalised anew.
    xp : namespace
        Of the library that holds both.
    """

    matrix: Tensor
    kernel: Tensor
    xp: Namespace

    @cached_property
    def sums(self) -> moments.PairSums:
        """What moments over orders need of the matrix; summed once, ``n^3``."""
        return moments.pair_sums(self.matrix)

    def reordered(self, order: NDArray[np.int64]) -> PairMatrix:
        """Rows and columns in that order."""
        index: Any = self.xp.asarray(order)

        def taken(matrix: Tensor) -> Tensor:
            return self.xp.take(self.xp.take(matrix, index, axis=0), index, axis=1)

        matrix = taken(self.matrix)
        kernel = matrix if self.kernel is self.matrix else taken(self.kernel)
        return PairMatrix(matrix, kernel, self.xp)


class BilinearMeasure(Measure[PairMatrix]):
    """A measure ``Σ_ij a_ij b_ij`` of two matrices over pairs of samples.

    Attributes
    ----------
    mirrored : bool
        Whether the matrices are symmetric, to rounding.
    """

    mirrored: ClassVar[bool] = True

    def score(self, a: PairMatrix, b: PairMatrix) -> float:
        """The score of a pair."""
        return float(a.xp.sum(a.matrix * b.matrix))

    def reorder(self, reduced: PairMatrix, order: NDArray[np.int64]) -> PairMatrix:
        """The matrices with rows and columns in that order."""
        return reduced.reordered(order)

    def null_moments(self, a: PairMatrix, b: PairMatrix) -> NullMoments | None:
        """Exact moments over all orders, from sums that each matrix keeps."""
        return self.moments_from(self.null_sums(a), self.null_sums(b))

    def null_sums(self, reduced: PairMatrix) -> moments.PairSums:
        """Sums of the products of entries."""
        return reduced.sums

    def moments_from(self, a: moments.PairSums, b: moments.PairSums) -> NullMoments:
        """Exact moments over all orders."""
        return moments.null_moments(a, b)

    def lean(self, reduced: PairMatrix) -> PairMatrix:
        """Without the kernel."""
        return PairMatrix(reduced.matrix, reduced.matrix, reduced.xp)

    def score_grid(self, rows: Sequence[PairMatrix], columns: Sequence[PairMatrix]) -> Array:
        """One product of all matrices as vectors, a few rows of samples at a time."""
        return self._products(rows, columns, None)

    def permuted_grid(
        self, rows: Sequence[PairMatrix], columns: Sequence[PairMatrix], orders: Orders
    ) -> Array:
        """One gather per column and one product of all matrices per order."""
        return self._products(rows, columns, orders)

    def _products(
        self, rows: Sequence[PairMatrix], columns: Sequence[PairMatrix], orders: Orders | None
    ) -> Array:
        first, second = ([reduced.matrix for reduced in side] for side in (rows, columns))
        return pair_products(first, second, orders, symmetric=self.mirrored)
