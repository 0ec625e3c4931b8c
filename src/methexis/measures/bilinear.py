"""Measures that are one sum over pairs of samples: ``score = Σ_ij a_ij b_ij``.

CKA, HSIC, RV, the cosine of Gram matrices, distance correlation, representational similarity with
Pearson or Spearman correlation, and the overlap of neighbour lists are all of this form; they
differ in how a representation becomes its matrix ``a``. So permutations, exact moments over all of
them and batches over many pairs are written once, here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.measures.features import Namespace, Tensor
from methexis.measures.measure import Measure


@dataclass(frozen=True, eq=False)
class PairMatrix:
    """A representation as a matrix over pairs of samples.

    Attributes
    ----------
    matrix : array (num_samples, num_samples)
        Normalised such that the score of a pair is the sum of the products of entries.
    kernel : array (num_samples, num_samples)
        What it was made from, before centring: bootstrap samples are centred anew.
    xp : namespace
        Of the library that holds both.
    """

    matrix: Tensor
    kernel: Tensor
    xp: Namespace


class BilinearMeasure(Measure[PairMatrix]):
    """A measure ``Σ_ij a_ij b_ij`` of two matrices over pairs of samples."""

    def score(self, a: PairMatrix, b: PairMatrix) -> float:
        """The score of a pair."""
        return float(a.xp.sum(a.matrix * b.matrix))

    def reorder(self, reduced: PairMatrix, order: NDArray[np.int64]) -> PairMatrix:
        """The matrices with rows and columns in that order."""
        xp = reduced.xp
        index: Any = xp.asarray(order)

        def taken(matrix: Tensor) -> Tensor:
            return xp.take(xp.take(matrix, index, axis=0), index, axis=1)

        return PairMatrix(taken(reduced.matrix), taken(reduced.kernel), xp)
