"""Scores of kernels without groups of samples, from sums of rows and of blocks.

What `bootstrap` computes with products of all weights and matrices over pairs needs fewer of these
where weights are those of `left_out.Groups`: a kernel's product with them is the sum of its row
less that over the group, and a form is one of the sums of `Groups.sums`. Of features nothing is as
large as a matrix over pairs: sums of rows take ``n d_x d_y``, blocks ``n² (d_x + d_y) / J`` of J
groups.
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.measures.inputs.features import Namespace, Tensor, to_numpy
from methexis.measures.kernels import bootstrap
from methexis.measures.kernels.estimators import WeightedPair
from methexis.measures.kernels.rows import FeatureRows
from methexis.measures.left_out import Groups
from methexis.measures.pairs.bilinear import PairMatrix
from methexis.measures.pairs.entries import row_sums

Kernel = FeatureRows | PairMatrix


class Side:
    """One kernel, and its products with weights that leave out groups."""

    def __init__(self, kernel: Kernel, groups: Groups) -> None:
        self.kernel, self.diagonal = kernel, kernel.diagonal
        kept = like(self.diagonal, (groups.weights > 0.0).astype(np.float64))
        self.product = kernel.times(kept) - kept * self.diagonal

    def among(self, some: Tensor) -> Tensor:
        """The kernel between some samples."""
        xp, kernel = self.kernel.xp, self.kernel
        if isinstance(kernel, FeatureRows):
            rows = xp.take(kernel.rows, some, axis=0)
            return rows @ rows.T
        return xp.take(xp.take(kernel.kernel, some, axis=0), some, axis=1)


class Without(WeightedPair):
    """Two kernels without each group of samples: all powers of the weights are alike but for c."""

    def __init__(self, xp: Namespace, groups: Groups, one: Side, other: Side) -> None:
        self.xp, self._groups, self._sides = xp, groups, (one, other)
        weights = like(one.diagonal, groups.weights)
        self.powers = {1: weights, 2: weights * weights, 3: weights**3}
        self.diagonals = (one.diagonal, other.diagonal)
        rows = _along(one.kernel, other.kernel) - one.diagonal * other.diagonal
        self._sums = groups.sums(to_numpy(rows), self._within) / groups.factors**2

    def form(self, a: int, b: int) -> Tensor:
        """The form ``w^a · (K∘L) w^b``, without the diagonal."""
        return like(self.diagonals[0], self._sums * self._groups.factors ** (a + b))

    def product(self, side: int, a: int) -> Tensor:
        """The product of one side's kernel, without its diagonal, with ``w^a``."""
        factors = like(self.diagonals[0], self._groups.factors**a)
        return self._sides[side].product * factors[:, None]

    def _within(self, some: NDArray[np.intp]) -> float:
        """Sum of the products of both kernels' entries between different samples of a group."""
        index = like(self.diagonals[0], some)
        both = self._sides[0].among(index) * self._sides[1].among(index)
        return float(self.xp.sum(both) - self.xp.sum(self.xp.linalg.diagonal(both)))


def scores(a: Kernel, b: Kernel, groups: Groups, estimator: str, *, normalised: bool) -> Array:
    """Scores without each group, ``(num_groups,)``; NaN where there is none."""
    xp, one, other = a.xp, Side(a, groups), Side(b, groups)
    both = Without(xp, groups, one, other)
    if not normalised:
        return bootstrap.estimated(both, estimator)
    own = Without(xp, groups, one, one), Without(xp, groups, other, other)
    return bootstrap.cosines(xp, one.diagonal, both, own, estimator)


def like(beside: Tensor, array: Any) -> Tensor:
    """An array of NumPy in the library and place of another, numbers in its type."""
    xp, where = array_api_compat.array_namespace(beside), array_api_compat.device(beside)
    if array.dtype.kind == "f":
        return xp.asarray(array, dtype=beside.dtype, device=where)
    return xp.asarray(array, device=where)


def _along(one: Kernel, other: Kernel) -> Tensor:
    """Sums along the rows of the product of both kernels."""
    if isinstance(one, FeatureRows) and isinstance(other, FeatureRows):
        return one.along(other)
    assert isinstance(one, PairMatrix)
    assert isinstance(other, PairMatrix)
    return row_sums(one.xp, one.kernel, other.kernel)
