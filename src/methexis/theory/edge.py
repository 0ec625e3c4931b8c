r"""Descent near the edge of stability: full-batch steps with fresh label noise, at any ``η λ < 2``.

Take the exact gradient and, in every step, fresh label noise whose effect on the gradient has the
covariance ``2 s² H`` (isotropic noise of deviation ``s``, the data being white). As ``s → 0`` at
fixed ``η`` the weights keep to the minima and drift, on the clock ``τ = s² η² t``, by

    dθ/dτ = -½ P ∇ Tr(H Y)|_Y,    Y = (1 - ηH/2)⁻¹ on the normal space,

which is the descent of ``-(1/η) Tr log(1 - ηH/2)`` along the minima (docs/theory.md §4.4). For
small ``η λ`` that is ``½ Tr H``. Near the edge the largest eigenvalue counts more and more, and
sharpening stops before ``2/η``.
"""

from __future__ import annotations

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.core.problem import Problem
from methexis.theory.curvature import minimum_spectrum
from methexis.theory.drift import frozen_drift
from methexis.theory.projection import Normal


def edge_potential(problem: Problem, weights: list[Array], lr: float) -> Array:
    """``-(1/η) Tr log(1 - ηH/2)`` on the minima; infinite at the edge ``η λ_max = 2``."""
    rest = 1.0 - 0.5 * lr * minimum_spectrum(problem, weights)
    inside = np.where(rest > 0, rest, 1.0)
    found = -np.sum(np.log(inside), axis=-1) / lr
    return np.where((rest > 0).all(axis=-1), found, np.inf)


def edge_velocity(problem: Problem, weights: list[Array], lr: float) -> list[Array]:
    """``dθ/dτ`` at weights on the minima, for label noise isotropic in the loss's metric.

    Raises
    ------
    MethexisError
        At ``η λ_max >= 2``, where no minimum is stable.
    """
    normal = Normal(problem, weights)
    values, _, alive = normal.spectrum  # of J Jᵀ; the eigenvalues of H are twice these
    rest = 1.0 - lr * np.where(alive, values, 0.0)
    if not np.all(rest[np.isfinite(rest)] > 0):
        highest = 2.0 * float(np.nanmax(values))
        raise MethexisError(
            f"edge: expected lr * sharpness < 2, got {lr:g} * {highest:.4g} = {lr * highest:.3g}"
        )
    y = np.where(alive, 1.0 / rest, 0.0)
    return frozen_drift(normal, y[..., None] * np.eye(y.shape[-1]))
