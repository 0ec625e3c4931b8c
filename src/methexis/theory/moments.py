"""Second moments of the sample gradients, at any weights.

With the residual ``r = f - y`` and layer inputs ``h_{i-1} = B_i x``, the gradient of one sample is
``G_i = 2 A_iᵀ r h_{i-1}ᵀ``. Entropy, its gradient and the balance of an interface all follow from
three moments per layer (docs/theory.md §4)::

    R_i = E[‖h_{i-1}‖² r rᵀ]    X_i = E[‖A_iᵀ r‖² x xᵀ]    N_i = E[‖h_{i-1}‖² r xᵀ]

Samples give them as sums. A teacher's inputs ``x = Σx^{1/2} z`` have independent coordinates
``z_a`` of excess kurtosis ``κ_a``. With ``Δ = F - V``, ``Q = B_iᵀB_i``, ``P = A_iA_iᵀ`` and
``E[(xᵀQx) x xᵀ] = Tr(QΣx) Σx + 2 Σx Q Σx + Σx^{1/2} diag(κ_a (Σx^{1/2} Q Σx^{1/2})_aa) Σx^{1/2}``
the moments are closed forms. At a minimum ``Δ = 0`` and only the second moments of ``x`` and ``ε``
enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.core.layers.products import after, before, predictor
from methexis.core.linalg import sqrt_psd
from methexis.core.problem import Problem


@dataclass(frozen=True, eq=False)
class GradientMoments:
    """The moments ``R_i``, ``X_i``, ``N_i`` of the module's docstring, with the maps they use."""

    left: list[Array]
    right: list[Array]
    residual: list[Array]
    inputs: list[Array]
    cross: list[Array]

    def layer_entropy(self) -> list[Array]:
        """``E‖∇_{W_i} ℓ‖² = 4 Tr[A_iᵀ R_i A_i]`` per layer."""
        return [
            4.0 * np.sum(a * (r @ a), axis=(-2, -1))
            for a, r in zip(self.left, self.residual, strict=True)
        ]

    def gradient_out(self, i: int) -> Array:
        """``E[G_i G_iᵀ] = 4 A_iᵀ R_i A_i`` of layer ``i`` (from 1), ``(..., d_i, d_i)``."""
        a = self.left[i - 1]
        return 4.0 * (a.mT @ self.residual[i - 1] @ a)

    def gradient_in(self, i: int) -> Array:
        """``E[G_iᵀ G_i] = 4 B_i X_i B_iᵀ`` of layer ``i`` (from 1), ``(..., d_{i-1}, d_{i-1})``."""
        b = self.right[i - 1]
        return 4.0 * (b @ self.inputs[i - 1] @ b.mT)


def gradient_moments(problem: Problem, weights: Sequence[Array]) -> GradientMoments:
    """Compute the moments at ``weights`` (leading dimensions broadcast)."""
    left, right = after(problem, weights), before(problem, weights)
    compute = _by_law if problem.x is None else _empirical
    residual, inputs, cross = compute(problem, predictor(problem, weights), left, right)
    return GradientMoments(left, right, residual, inputs, cross)


_Triple = tuple[list[Array], list[Array], list[Array]]


def _by_law(problem: Problem, f: Array, left: list[Array], right: list[Array]) -> _Triple:
    sigma, excess = problem.cov_x, problem.excess_x
    root = sqrt_psd(sigma) if excess.any() else None
    delta = f - problem.target
    moved = delta @ sigma
    residual_moment = problem.cov_noise + moved @ delta.mT
    residual, inputs, cross = [], [], []
    for a, b in zip(left, right, strict=True):
        b_sigma = b @ sigma
        power = np.sum(b_sigma * b, axis=(-2, -1))[..., None, None]
        weighted = power * sigma + 2.0 * (b_sigma.mT @ b_sigma)
        residual.append(power * residual_moment + 2.0 * (moved @ b.mT) @ (moved @ b.mT).mT)
        cross.append(delta @ weighted)
        signal = a.mT @ moved
        error = np.sum(a * (residual_moment @ a), axis=(-2, -1))[..., None, None]
        inputs.append(error * sigma + 2.0 * (signal.mT @ signal))
        if root is not None:  # coordinates that are not Gaussian
            extra = _kurtosis(root, excess, b)
            residual[-1] += delta @ extra @ delta.mT
            cross[-1] += delta @ extra
            inputs[-1] += _kurtosis(root, excess, a.mT @ delta)
    return residual, inputs, cross


def _kurtosis(root: Array, excess: Array, left: Array) -> Array:
    """``Σx^{1/2} diag(κ_a (Σx^{1/2} Q Σx^{1/2})_aa) Σx^{1/2}`` for ``Q = leftᵀ left``."""
    strength = np.sum((left @ root) ** 2, axis=-2)
    return np.asarray((root * (excess * strength)[..., None, :]) @ root)


def _empirical(problem: Problem, f: Array, left: list[Array], right: list[Array]) -> _Triple:
    assert problem.x is not None and problem.y is not None  # a problem of samples has both
    x, y = problem.x, problem.y
    count = len(x)
    errors = x @ f.mT - y
    fresh = problem.fresh_noise
    residual, inputs, cross = [], [], []
    for a, b in zip(left, right, strict=True):
        hidden, signal = x @ b.mT, errors @ a
        power = np.sum(hidden * hidden, axis=-1)[..., None]
        strength = np.sum(signal * signal, axis=-1)[..., None]
        residual.append((power * errors).mT @ errors / count)
        cross.append((power * errors).mT @ x / count)
        inputs.append((strength * x).mT @ x / count)
        if fresh is not None:  # noise beside the data's, independent of x
            residual[-1] = residual[-1] + power.mean(axis=-2, keepdims=True) * fresh
            error = np.sum(a * (fresh @ a), axis=(-2, -1))[..., None, None]
            inputs[-1] = inputs[-1] + error * problem.cov_x
    return residual, inputs, cross
