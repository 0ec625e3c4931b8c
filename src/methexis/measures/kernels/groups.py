"""Scores of kernels without groups of samples, from sums of rows and of blocks.

What `bootstrap` computes with products of all weights and matrices over pairs needs none of these
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


class Without(WeightedPair):
    """Two kernels without each group of samples."""

    def __init__(
        self, xp: Namespace, groups: Groups, one: FeatureRows, other: FeatureRows, weights: Tensor
    ) -> None:
        self.xp, self._groups, self._forms = xp, groups, (one, other)
        self.powers = {1: weights, 2: weights * weights, 3: weights**3}
        self.diagonals = (one.diagonal, other.diagonal)
        self._products: dict[int, Tensor] = {}
        self._sums: Array | None = None

    def form(self, a: int, b: int) -> Tensor:
        """The form of the entrywise product; all powers of the weights are alike but for c."""
        if self._sums is None:
            rows = self._forms[0].along(self._forms[1]) - self.diagonals[0] * self.diagonals[1]
            sums = self._groups.sums(to_numpy(rows), self._within)
            self._sums = sums / self._groups.factors**2
        return self._like(self._sums * self._groups.factors ** (a + b))

    def product(self, side: int, a: int) -> Tensor:
        """The product of one side's kernel, without its diagonal, with ``w^a``."""
        if side not in self._products:
            kept = self._like((self._groups.weights > 0.0).astype(np.float64))
            form = self._forms[side]
            self._products[side] = form.times(kept) - kept * form.diagonal
        return self._products[side] * self._like(self._groups.factors**a)[:, None]

    def _within(self, some: NDArray[np.intp]) -> float:
        """Sum of the products of both kernels' entries between different samples of a group."""
        index = self._like(some)
        kernels = []
        for form in self._forms:
            rows = self.xp.take(form.rows, index, axis=0)
            kernels.append(rows @ rows.T)
        both = kernels[0] * kernels[1]
        return float(self.xp.sum(both) - self.xp.sum(self.xp.linalg.diagonal(both)))

    def _like(self, array: Any) -> Tensor:
        """An array of NumPy in the library, type and place of the features."""
        rows = self._forms[0].rows
        where = array_api_compat.device(rows)
        if array.dtype.kind == "f":
            return self.xp.asarray(array, dtype=rows.dtype, device=where)
        return self.xp.asarray(array, device=where)


def scores(
    a: FeatureRows, b: FeatureRows, groups: Groups, estimator: str, *, normalised: bool
) -> Array:
    """Scores without each group, ``(num_groups,)``; NaN where there is none."""
    xp, rows = a.xp, a.rows
    weights = xp.asarray(groups.weights, dtype=rows.dtype, device=array_api_compat.device(rows))
    both = Without(xp, groups, a, b, weights)
    if not normalised:
        return bootstrap.estimated(both, estimator)
    own = [Without(xp, groups, form, form, weights) for form in (a, b)]
    return bootstrap.cosines(xp, rows, both, (own[0], own[1]), estimator)
