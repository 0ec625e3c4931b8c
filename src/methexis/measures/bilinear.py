"""Measures that are one sum over pairs of samples: ``score = Σ_ij a_ij b_ij``.

CKA, HSIC, RV, the cosine of Gram matrices, distance correlation, representational similarity with
Pearson or Spearman correlation, and the overlap of neighbour lists are all of this form; they
differ in how a representation becomes its matrix ``a``. So permutations and exact moments over all
of them are written once, here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.measures import moments
from methexis.measures.features import Namespace, Tensor
from methexis.measures.measure import Measure, NullMoments


class PairForm(ABC):
    """A representation in such a sum: its matrix, or what gives the same sums without it."""

    @abstractmethod
    def inner(self, other: Any) -> float:
        """``Σ_ij a_ij b_ij`` with another of the same kind."""

    @abstractmethod
    def reordered(self, order: NDArray[np.int64]) -> PairForm:
        """The same of the samples in that order."""

    @abstractmethod
    def null_moments(self, other: Any) -> NullMoments | None:
        """Exact moments of `inner` over all orders, or None where they would take the matrix."""


@dataclass(frozen=True, eq=False)
class PairMatrix(PairForm):
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

    def inner(self, other: PairMatrix) -> float:
        """Sum of the products of entries."""
        return float(self.xp.sum(self.matrix * other.matrix))

    def reordered(self, order: NDArray[np.int64]) -> PairMatrix:
        """Rows and columns in that order."""
        index: Any = self.xp.asarray(order)

        def taken(matrix: Tensor) -> Tensor:
            return self.xp.take(self.xp.take(matrix, index, axis=0), index, axis=1)

        matrix = taken(self.matrix)
        kernel = matrix if self.kernel is self.matrix else taken(self.kernel)
        return PairMatrix(matrix, kernel, self.xp)

    def null_moments(self, other: PairMatrix) -> NullMoments:
        """Exact moments, from sums that each matrix keeps."""
        return moments.null_moments(self.sums, other.sums)


class BilinearMeasure(Measure[PairMatrix]):
    """A measure ``Σ_ij a_ij b_ij`` of two matrices over pairs of samples."""

    def score(self, a: PairMatrix, b: PairMatrix) -> float:
        """The score of a pair."""
        return a.inner(b)

    def reorder(self, reduced: PairMatrix, order: NDArray[np.int64]) -> PairMatrix:
        """The matrices with rows and columns in that order."""
        return reduced.reordered(order)

    def null_moments(self, a: PairMatrix, b: PairMatrix) -> NullMoments | None:
        """Exact moments over all orders, from sums that each matrix keeps."""
        return a.null_moments(b)
