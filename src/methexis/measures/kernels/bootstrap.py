"""Bootstrap scores of kernels, many samples at once.

The sums that estimators ask for (`estimators`), from a matrix over pairs or from features. Samples
are taken in blocks, so that memory stays at a few times that of the matrices.
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from methexis.core.checks import Array
from methexis.measures.inputs.features import Namespace, Tensor, to_numpy
from methexis.measures.kernels.estimators import WeightedPair
from methexis.measures.kernels.rows import FeatureRows
from methexis.measures.kernels.sampling import own_terms, shared
from methexis.measures.measure import Counts
from methexis.measures.pairs.bilinear import PairForm, PairMatrix
from methexis.measures.rounding import cancelled

#: Numbers per block of weights.
BLOCK = 1 << 22


class Side:
    """One kernel under one block of weights, its products kept."""

    def __init__(self, form: PairForm, powers: dict[int, Tensor]) -> None:
        self.form, self.diagonal, self._powers = form, form.diagonal, powers
        self._products: dict[int, Tensor] = {}

    def product(self, a: int) -> Tensor:
        """Product of the kernel, without its diagonal, with ``w^a``."""
        if a not in self._products:
            weights = self._powers[a]
            self._products[a] = self.form.times(weights) - weights * self.diagonal
        return self._products[a]


class Pair(WeightedPair):
    """Two kernels under one block of weights."""

    def __init__(self, xp: Namespace, powers: dict[int, Tensor], one: Side, other: Side) -> None:
        self.xp, self.powers, self._sides = xp, powers, (one, other)
        self.diagonals = (one.diagonal, other.diagonal)
        forms = one.form, other.form
        if isinstance(forms[0], PairMatrix) and isinstance(forms[1], PairMatrix):
            self._matrix: Tensor = forms[0].kernel * forms[1].kernel
        self._products: dict[int, Tensor] = {}

    def product(self, side: int, a: int) -> Tensor:
        """Product of one side's kernel, without its diagonal, with ``w^a``."""
        return self._sides[side].product(a)

    def form(self, a: int, b: int) -> Tensor:
        """The form ``w^a · (K∘L) w^b`` of both kernels' entrywise product, without its diagonal."""
        one, other = (side.form for side in self._sides)
        if isinstance(one, FeatureRows) and isinstance(other, FeatureRows):
            form = self.xp.sum(self._crossed(one, other, a) * self._crossed(one, other, b), axis=1)
        else:
            form = self.xp.sum(self._joint(a) * self.powers[b], axis=1)
        diagonals = self.diagonals[0] * self.diagonals[1]
        return form - self.xp.sum(self.powers[a] * self.powers[b] * diagonals, axis=1)

    def _joint(self, a: int) -> Tensor:
        """``(K∘L) w^a`` where both kernels are matrices."""
        if a not in self._products:
            self._products[a] = self.powers[a] @ self._matrix
        return self._products[a]

    def _crossed(self, one: FeatureRows, other: FeatureRows, a: int) -> Tensor:
        """``Xᵀ diag(w^a) Y``, flattened: products of two such rows are forms of ``K∘L``."""
        if a not in self._products:
            crossed = [one.rows.T @ (w[:, None] * other.rows) for w in self.powers[a]]
            self._products[a] = self.xp.reshape(self.xp.stack(crossed), (len(crossed), -1))
        return self._products[a]


def scores(
    a: PairForm,
    b: PairForm,
    counts: Counts,
    estimator: str,
    *,
    normalised: bool,
    sampled: tuple[Tensor, Tensor] | None = None,
) -> Array:
    """Scores of bootstrap samples, ``(num_resamples,)``; NaN where one has none.

    If the normaliser is corrected for sampling features, `sampled` are those of both, centred.
    """
    given: Any = a.rows if isinstance(a, FeatureRows) else a.kernel  # type: ignore[attr-defined]
    xp = array_api_compat.array_namespace(given)
    wide = counts.shape[1]
    if isinstance(a, FeatureRows) and isinstance(b, FeatureRows):  # cross-products take memory too
        wide = max(wide, *(int(f.rows.shape[1]) ** 2 for f in (a, b)))
    height = max(1, BLOCK // wide)
    parts = []
    for start in range(0, len(counts), height):
        block = np.asarray(counts[start : start + height], dtype=np.float64)
        weights = xp.astype(
            xp.asarray(block, device=array_api_compat.device(given)), given.dtype, copy=False
        )
        powers = {1: weights, 2: weights * weights, 3: weights**3}
        sides = Side(a, powers), Side(b, powers)
        both = Pair(xp, powers, *sides)
        if not normalised:
            parts.append(estimated(both, estimator))
            continue
        own = (Pair(xp, powers, sides[0], sides[0]), Pair(xp, powers, sides[1], sides[1]))
        corrected = sampled and (
            (own_terms(xp, sampled[0], weights), int(sampled[0].shape[1])),
            (own_terms(xp, sampled[1], weights), int(sampled[1].shape[1])),
        )
        parts.append(cosines(xp, given, both, own, estimator, corrected))
    return np.concatenate(parts)


def cosines(
    xp: Namespace,
    given: Tensor,
    both: WeightedPair,
    own: tuple[WeightedPair, WeightedPair],
    estimator: str,
    corrected: tuple[tuple[Tensor, int], tuple[Tensor, int]] | None = None,
) -> Array:
    """Estimates of a pair over the roots of those of either side with itself.

    Where the sampling of features is corrected for, `corrected` has the own terms of each side and
    the number of its features.
    """
    # A sum of squares of a centred kernel is a difference of sums like that before.
    least = cancelled(xp, given)
    norms = []
    for side, pair in enumerate(own):
        value = estimated(pair, estimator)
        if corrected is not None:
            single, num_features = corrected[side]
            value = np.asarray(shared(value, to_numpy(single), num_features))
        floor = least * estimated(pair, "plain")
        norms.append(np.sqrt(np.where(value > floor, value, np.nan)))
    return np.asarray(estimated(both, estimator) / (norms[0] * norms[1]))


def estimated(pair: WeightedPair, estimator: str) -> Array:
    """Estimates of a pair, as an array of NumPy."""
    estimates: Array = to_numpy(pair.estimate(estimator))
    return estimates
