"""Everything that one pass over two representations must gather for their linear measures.

Second moments are enough for CKA, RV, Procrustes and CCA. Debiased estimators of HSIC leave out the
diagonals of the kernels, ``k_i = |x_i|²`` and ``l_i = |y_i|²`` of centred rows, and need

    Σ_i k_i l_i,   Σ_i k_i²,   Σ_i l_i².

Means are known only at the end. So rows are taken relative to the mean of the first block, a. With
``x' = x - a``, ``p = |x'|²`` and the distance ``δ = mean - a`` that is left at the end,

    k_i = p_i - 2 δ·x'_i + |δ|²,

and likewise ``l_i = t_i - 2 ε·y'_i + |ε|²``. Expanded, the sum over samples of their product is

    Σ pt - 2 ε·Σ p y' - 2 δ·Σ t x' + 4 δᵀ (Σ x' y'ᵀ) ε + |ε|² Σ p + |δ|² Σ t
    - 2 n |ε|² |δ|² - 2 n |δ|² |ε|² + n |δ|² |ε|²,

where ``Σ x' = n δ`` was put in; everything in it is gathered in the same pass. If the first block
is like the others, δ is small and nothing cancels, however far from zero the means are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan, sqrt
from typing import Any

import array_api_compat.numpy as xp
import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures.budget import shortage
from methexis.measures.inputs.features import MIN_SAMPLES
from methexis.measures.kernels.estimators import Sums, divisor, estimate, size
from methexis.measures.rounding import unless_rounding
from methexis.measures.streaming.chance import Chance, chance_level
from methexis.measures.streaming.rows import Rows
from methexis.measures.subspaces.second_moments import SecondMoments

#: Rows of a block, if memory allows more: enough for products at the full rate.
MOST_ROWS = 8192
#: Rows below which products are slow; with less memory than they take, nothing is computed.
LEAST_ROWS = 16


@dataclass(frozen=True, eq=False)
class PassMoments:
    """What one pass gathered."""

    second: SecondMoments  # count, means and second moments, in double precision
    #: ``Σ k_i l_i``, ``Σ k_i²``, ``Σ l_i²`` of the squared lengths of centred rows.
    diagonals: tuple[float, float, float]

    def estimates(self, estimator: str) -> tuple[float, float, float]:
        """``Σ A_ij B_ij`` of an estimator: of the pair, and of each with itself."""
        cross, one, other = (float(estimate(sums, estimator)) for sums in self._sums())
        return cross, one, other

    def own(self, estimator: str) -> tuple[float, float]:
        """``Σ A_ij²`` of each, by an estimator; 0 where it is only rounding."""
        _, *both = self._sums()
        # Sums without the diagonal are differences themselves, of what the diagonal adds.
        one, other = (
            unless_rounding(estimate(sums, estimator), size(sums, estimator) + sums.off[1])
            for sums in both
        )
        return one, other

    def normaliser(self, estimator: str) -> float:
        """``√(Σ A_ij² Σ B_ij²)``, NaN where a centred kernel is zero between different samples."""
        one, other = self.own(estimator)
        return sqrt(one) * sqrt(other) if min(one, other) > 0.0 else nan

    def chance(self, estimator: str, *, normalised: bool) -> Chance | None:
        """Chance level of a measure by that estimator, a cosine or not; None without a norm."""
        second, n = self.second, self.second.num_samples
        one, other = self.own(estimator)
        return chance_level(
            n,
            estimator,
            (second.xx, self.diagonals[1], one),
            (second.yy, self.diagonals[2], other),
            self.normaliser(estimator) if normalised else divisor(n, estimator),
        )

    def _sums(self) -> list[Sums]:
        moments = self.second
        a, b = float(np.trace(moments.xx)), float(np.trace(moments.yy))
        squares = [float(np.sum(m * m)) for m in (moments.xy, moments.xx, moments.yy)]
        return [
            Sums.of_centred(moments.num_samples, whole, whole - both, both, traces)
            for whole, both, traces in zip(
                squares, self.diagonals, (a * b, a * a, b * b), strict=True
            )
        ]


def one_pass(
    x: Any,
    y: Any,
    *,
    budget: int = 2**30,
    names: tuple[str, str] = ("X", "Y"),
    progress: Callable[[int, int], None] | None = None,
) -> PassMoments:
    """Gather the moments of two representations of the same samples in one pass.

    Parameters
    ----------
    x, y : path of a .npy file, or array-like (num_samples, num_features)
        See `Rows`. Every row is read once.
    budget : int
        Most bytes to take: for moments, ``(d_x² + d_y² + d_x d_y)`` numbers thrice, and for rows.
    names : (str, str)
        What messages call both.
    progress : function of (rows done, all rows), optional
        Called after each block.

    Raises
    ------
    MethexisError
        On input that cannot be compared, or too little memory.

    Notes
    -----
    Cost: ``n (d_x² + d_y² + d_x d_y)`` multiply-adds in double precision, memory independent of n.
    """
    first, second = Rows(names[0], x), Rows(names[1], y)
    n = first.num_samples
    if second.num_samples != n:
        raise MethexisError(
            f"{', '.join(names)}: expected paired rows, the same samples in the same order, got "
            f"{n} and {second.num_samples} rows"
        )
    if n < MIN_SAMPLES:
        raise MethexisError(
            f"{', '.join(names)}: expected at least {MIN_SAMPLES} rows (samples), got {n}"
        )
    height = _height(first, second, budget)
    gathered: _Sums | None = None
    for low in range(0, n, height):
        high = min(n, low + height)
        blocks = first.block(low, high), second.block(low, high)
        if gathered is None:
            gathered = _Sums(*(np.mean(block, axis=0) for block in blocks))
        gathered.add(*blocks)
        if progress is not None:
            progress(high, n)
    assert gathered is not None
    return gathered.moments(n)


def least_bytes(
    num_samples: int, num_features: tuple[int, int], item_bytes: tuple[int, int]
) -> int:
    """The least memory that one pass takes, with which `one_pass` refuses no budget.

    Examples
    --------
    >>> least_bytes(10**6, (1024, 1024), (4, 4)) // 2**20
    72
    """
    fixed, row = _sizes(num_features, item_bytes)
    return fixed + min(LEAST_ROWS, num_samples) * row


def _sizes(num_features: tuple[int, int], item_bytes: tuple[int, int]) -> tuple[int, int]:
    """Bytes of the moments, thrice, and of one row of both: as it is read, and in blocks."""
    a, b = num_features
    row = sum((8 * 3 + item) * d for item, d in zip(item_bytes, num_features, strict=True))
    return 3 * 8 * (a * a + b * b + a * b), row


def _height(first: Rows, second: Rows, budget: int) -> int:
    widths = first.num_features, second.num_features
    fixed, row = _sizes(widths, (first.item_bytes, second.item_bytes))
    fit = (budget - fixed) // row
    least = min(LEAST_ROWS, first.num_samples)
    if fit < least:
        raise shortage("one pass", fixed + least * row, budget)
    height = min(fit, MOST_ROWS, first.num_samples)
    chunk = max(first.chunk, second.chunk)
    return int(height // chunk * chunk) if chunk <= height else int(height)


class _Sums:
    """Sums over rows relative to a fixed point, the mean of the first block."""

    def __init__(self, origin_x: Array, origin_y: Array) -> None:
        self.origins = origin_x, origin_y
        a, b = len(origin_x), len(origin_y)
        self.sum_x, self.sum_y = np.zeros(a), np.zeros(b)
        self.xx, self.yy, self.xy = np.zeros((a, a)), np.zeros((b, b)), np.zeros((a, b))
        # Σ pt, p², t²; Σ p x', p y', t x', t y'
        self.squares = np.zeros(3)
        self.px, self.py, self.tx, self.ty = np.zeros(a), np.zeros(b), np.zeros(a), np.zeros(b)

    def add(self, x: Array, y: Array) -> None:
        """Another block of rows, which is changed."""
        x -= self.origins[0]
        y -= self.origins[1]
        p, t = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
        self.sum_x += np.sum(x, axis=0)
        self.sum_y += np.sum(y, axis=0)
        self.xx += x.T @ x
        self.yy += y.T @ y
        self.xy += x.T @ y
        self.squares += p @ t, p @ p, t @ t
        self.px += p @ x
        self.py += p @ y
        self.tx += t @ x
        self.ty += t @ y

    def moments(self, n: int) -> PassMoments:
        """The moments relative to the means."""
        delta, epsilon = self.sum_x / n, self.sum_y / n

        def both(
            square: float, p_y: Array, t_x: Array, xy: Array, sums: tuple[float, float], d: Array,
            e: Array,
        ) -> float:  # fmt: skip
            dd, ee = float(d @ d), float(e @ e)
            return float(
                square
                - 2.0 * (e @ p_y + d @ t_x)
                + 4.0 * (d @ xy @ e)
                + ee * sums[0]
                + dd * sums[1]
                - 3.0 * n * dd * ee
            )

        p, t = float(np.trace(self.xx)), float(np.trace(self.yy))
        diagonals = (
            both(self.squares[0], self.py, self.tx, self.xy, (p, t), delta, epsilon),
            both(self.squares[1], self.px, self.px, self.xx, (p, p), delta, delta),
            both(self.squares[2], self.ty, self.ty, self.yy, (t, t), epsilon, epsilon),
        )
        second = SecondMoments(
            n,
            self.origins[0] + delta,
            self.origins[1] + epsilon,
            self.xx - n * np.outer(delta, delta),
            self.yy - n * np.outer(epsilon, epsilon),
            self.xy - n * np.outer(delta, epsilon),
            xp,
        )
        return PassMoments(second, diagonals)
