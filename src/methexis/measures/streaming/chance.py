"""Chance level of kernel measures from what one pass gathers: mean and deviation, exactly.

Over all orders π of the rows of one side, ``T = Σ_ij A_ij B_π(i)π(j)`` has a mean and a variance
that depend on few sums of each matrix: diagonal and other entries are permuted apart, so both are
centred apart, to ``a``, and with ``r_i = Σ_{j≠i} a_ij``

    S = Σ_i a_ii²,    C = Σ_i a_ii r_i,    R = Σ_i r_i²,    F = Σ_{i≠j} a_ij²

say everything. With ``(n)_k = n (n-1) … (n-k+1)``, an entry meets one that shares both indices
with it, one, or none:

    Var T = S_A S_B / (n-1) + 4 C_A C_B / ((n-1) (n-2))
            + 2 F_A F_B / (n)_2 + 4 (R_A - F_A) (R_B - F_B) / (n)_3
            + (2 F_A - 4 R_A) (2 F_B - 4 R_B) / (n)_4.

Rows of a centred kernel sum to zero, so its diagonal k and its square are enough: with
``V = Σ k_i² - (Σ k_i)²/n``, a biased estimator has ``S = R = V``, ``C = -V``; Lange's, without the
diagonal, ``S = C = 0``, ``R = V``; Song's, whose rows sum to zero without it, ``S = C = R = 0``.

Third moments, and with them the tail, need sums over pairs of samples that no single pass gives.
Whatever the shape, ``P(T ≥ mean + z sd) ≤ 1 / (1 + z²)`` for z > 0 (Cantelli's inequality).

Where every order gives the same score, as for rows that are all orthogonal and equally long, all of
this is differences of equal numbers: what is only rounding of its terms is taken as 0, and a score
that differs from the mean by rounding as the mean, or p would be of rounding too.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, perm, sqrt

import numpy as np

from methexis.core.checks import Array
from methexis.measures.kernels.estimators import centred_totals
from methexis.measures.rounding import TIE, unless_rounding


@dataclass(frozen=True)
class Chance:
    """Mean and standard deviation of a score over all orders of the rows."""

    mean: float
    sd: float

    def z(self, score: float) -> float:
        """Deviations above the mean; NaN if all orders score the same.

        Examples
        --------
        >>> Chance(0.5, 0.25).z(1.0), Chance(0.5, 1e-17).z(0.5 + 1e-16), Chance(0.5, 0.0).z(0.5)
        (2.0, 0.0, nan)
        """
        if not self.sd > 0.0:
            return nan
        above = score - self.mean
        if abs(above) <= TIE * max(abs(score), abs(self.mean)):
            return 0.0
        return above / self.sd

    def most_likely(self, score: float) -> float:
        """The most that p can be, whatever the shape of the null.

        Examples
        --------
        >>> Chance(0.0, 0.1).most_likely(0.3), Chance(0.0, 0.1).most_likely(-0.3)
        (0.1, 1.0)
        """
        z = self.z(score)
        return round(1.0 / (1.0 + z**2), 15) if z > 0.0 else 1.0


@dataclass(frozen=True)
class _Sums:
    """S, C, R and F of one matrix, and the totals of its diagonal and of its other entries."""

    diagonal: float
    mixed: float
    rows: float
    others: float
    totals: tuple[float, float]


def chance_level(
    num_samples: int,
    estimator: str,
    first: tuple[Array, float, float],
    second: tuple[Array, float, float],
    unit: float,
) -> Chance | None:
    """Chance level of a measure of linear kernels by an estimator of HSIC; None without a unit.

    Each side gives ``XᵀX``, ``Σ k_i²`` and ``Σ_ij A_ij²``; the unit is what the score was divided
    by.
    """
    n = num_samples
    a, b = (_sums(n, estimator, *side) for side in (first, second))
    mean = a.totals[0] * b.totals[0] / n + a.totals[1] * b.totals[1] / perm(n, 2)
    terms = (
        a.diagonal * b.diagonal / (n - 1),
        4.0 * a.mixed * b.mixed / ((n - 1) * (n - 2)),
        2.0 * a.others * b.others / perm(n, 2),
        4.0 * (a.rows - a.others) * (b.rows - b.others) / perm(n, 3),
        (2.0 * a.others - 4.0 * a.rows) * (2.0 * b.others - 4.0 * b.rows) / perm(n, 4),
    )
    variance = unless_rounding(sum(terms), sum(map(abs, terms)))
    if not unit > 0.0:
        return None
    return Chance(mean / unit, sqrt(max(variance, 0.0)) / unit)


def _sums(n: int, estimator: str, matrix: Array, squares: float, own: float) -> _Sums:
    """The sums of an estimator's matrix, from ``XᵀX``, ``Σ k_i²`` and ``Σ_ij A_ij²``."""
    trace, size = float(np.trace(matrix)), float(np.sum(matrix * matrix))
    totals = centred_totals(estimator, trace)
    if estimator == "song":
        return _Sums(0.0, 0.0, 0.0, own, totals)
    spread = unless_rounding(squares - trace * trace / n, squares)
    others = own - squares if estimator == "biased" else own
    others = unless_rounding(others - trace * trace / perm(n, 2), size)
    if estimator == "lange":
        return _Sums(0.0, 0.0, spread, others, totals)
    return _Sums(spread, -spread, spread, others, totals)
