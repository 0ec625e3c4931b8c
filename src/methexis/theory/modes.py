"""Modes of a problem: singular vectors of its whitened target, and the minima made of them.

With ``V̄ = Σε^{1/2} V Σx^{1/2} = L S Rᵀ`` (thin SVD of rank ``r``) both closed-form minima, of the
entropy (`theory.platonic`) and of the potential of adaptive rules (`theory.adaptive.minimum`), have
hidden layers ``h_i = a_i U_i S^{1/2} Rᵀ Σx^{-1/2} x``. They differ in the scales ``a_i``, and in
which ``U_i`` are free (docs/theory.md §3, docs/adaptive.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from methexis.core.checks import RANK_TOLERANCE, Array
from methexis.core.linalg import inverse_sqrt_psd, sqrt_psd
from methexis.core.problem import Problem


@dataclass(frozen=True, eq=False)
class Modes:
    """The singular value decomposition of a problem's whitened target, cut at its rank.

    Attributes
    ----------
    problem : Problem
    root_x, root_noise : arrays (dim_x, dim_x), (dim_y, dim_y)
        ``Σx^{1/2}`` and ``Σε^{1/2}``.
    left, values, right : arrays (dim_y, r), (r,), (dim_x, r)
        ``L``, the diagonal of ``S``, and ``R``.
    """

    problem: Problem
    root_x: Array
    root_noise: Array
    left: Array
    values: Array
    right: Array

    def kernel(self) -> Array:
        """The universal kernel ``K = Σx^{-1/2} R S Rᵀ Σx^{-1/2}``."""
        root = np.sqrt(self.values)[:, None]
        reduced = root * (self.right.T @ inverse_sqrt_psd(self.problem.cov_x))
        return np.asarray(reduced.T @ reduced)

    def weights(self, a: Array, bases: list[Array]) -> list[Array]:
        """First, interior and last layers, as (3.11) and (3.12) of docs/theory.md.

        Parameters
        ----------
        a : array (D - 1,)
            Scales of the hidden layers.
        bases : list of arrays (d_i, r)
            ``U_i`` of the hidden layers, with orthonormal columns.
        """
        problem, root = self.problem, np.sqrt(self.values)
        first = (bases[0] * (a[0] / root)) @ self.left.T @ self.root_noise @ problem.target
        weights = [first @ np.linalg.pinv(problem.embed_in)]
        for i in range(1, len(bases)):
            weights.append((a[i] / a[i - 1]) * bases[i] @ bases[i - 1].T)
        last = problem.target @ self.root_x @ (self.right / root) @ bases[-1].T / a[-1]
        weights.append(np.linalg.pinv(problem.embed_out) @ last)
        return weights


def modes_of(problem: Problem) -> Modes:
    """Decompose the target of a problem for which the theorem holds.

    Raises
    ------
    ConditionError
        If a condition of the theorem fails.
    """
    problem.require_theorem()
    problem.require_full_noise()
    root_x, root_noise = sqrt_psd(problem.cov_x), sqrt_psd(problem.cov_noise)
    left, values, right_t = np.linalg.svd(root_noise @ problem.target @ root_x, full_matrices=False)
    r = int(np.sum(values > RANK_TOLERANCE * values[0]))
    return Modes(problem, root_x, root_noise, left[:, :r], values[:r], right_t[:r].T)
