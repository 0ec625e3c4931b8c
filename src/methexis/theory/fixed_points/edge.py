r"""Descent near the edge of stability: full-batch steps with fresh label noise, at any ``η λ < 2``.

Take the exact gradient and, in every step, fresh label noise whose effect on the gradient has the
covariance ``2 s² H`` (isotropic noise of deviation ``s``, the data being white). As ``s → 0`` at
fixed ``η`` the weights keep to the minima and drift, on the clock ``τ = s² η² t``, by

    dθ/dτ = -½ P ∇ Tr(H Y)|_Y,    Y = (1 - ηH/2)⁻¹ on the normal space,

which is the descent of ``-(1/η) Tr log(1 - ηH/2)`` along the minima (docs/theory.md §4.4).
For small ``η λ`` that is ``½ Tr H``. Near the edge the largest eigenvalue counts more and more, and
sharpening stops before ``2/η``.

The end of that drift is `edge_fixed_point`.

*Batches of a Gaussian input.* With one input the residual of a mode is multiplied by
``1 - ηλ m`` with ``m`` the batch's mean of ``x²``, and ``E(1 - ηλm)² = 1 - 2ηλ + (1 + 2/B) η²λ²``.
The same law then holds with ``Y = (1 - (1 + 2/B) ηH/2)⁻¹`` and ``τ = s² η² t / B``: the edge is at
``η λ = 2/(1 + 2/B)``, for single samples ``2/3``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from methexis.core.answers import computed
from methexis.core.checks import Array, MethexisError, number, weight_list
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.curvature import one_set
from methexis.theory.dual.fluctuations import Warm
from methexis.theory.dual.normal import Normal, sharpest_of
from methexis.theory.fixed_points.drift import drift_velocity, frozen_drift
from methexis.theory.fixed_points.steady import FixedPoint, fixed_point_of
from methexis.theory.platonic import platonic_of


def input_factor(batch: int | None) -> float:
    """``E m²`` of the batch's mean ``m`` of ``x²``: 1 for the full batch, else ``1 + 2/B``."""
    return 1.0 if batch is None else 1.0 + 2.0 / batch


def edge_velocity(
    problem: Problem, weights: list[Array], lr: float, *, batch: int | None = None
) -> list[Array]:
    """``dθ/dτ`` at weights on the minima, for label noise isotropic in the loss's metric.

    Parameters
    ----------
    lr : float
        Learning rate ``η``, which is not small.
    batch : int, optional
        Batches of so many samples of one Gaussian input; the full batch by default.

    Raises
    ------
    MethexisError
        Beyond the edge, or for batches of more than one input.
    """
    if batch is not None and len(problem.cov_x) != 1:
        raise MethexisError(f"edge: expected one input, got {len(problem.cov_x)}")
    rate = input_factor(batch) * lr
    normal = Normal(problem, weights)
    values, _, alive = normal.spectrum  # of J Jᵀ; the eigenvalues of H are twice these
    rest = 1.0 - rate * np.where(alive, values, 0.0)
    if not np.all(rest[np.isfinite(rest)] > 0):
        highest = 2.0 * float(np.nanmax(values))
        raise MethexisError(
            f"edge: expected lr * sharpness < {2.0 * lr / rate:.3g}, got {lr:g} * {highest:.4g} = "
            f"{lr * highest:.3g}"
        )
    y = np.where(alive, 1.0 / rest, 0.0)
    return frozen_drift(normal, y[..., None] * np.eye(y.shape[-1]))


@computed("edge_fixed_point")
def edge_fixed_point(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    lr: float,
    weights: Sequence[Array] | None = None,
    progress: Progress | str | bool | None = None,
) -> FixedPoint:
    """Where full-batch descent with vanishing, isotropic label noise ends at step size ``lr``.

    Parameters
    ----------
    source : Teacher or Samples
        Data; the noise that is part of them does not count, only that of each step.
    student : EDLN, or a linear MLP
        Network.
    lr : float
        Learning rate ``η``; less than ``2/λ_max`` at the start.
    weights : list of arrays (d_i, d_{i-1}), optional
        Where to start the search; the Platonic point by default.
    progress : Progress, "auto" or bool, optional
        Told how far the search has come, in digits of the speed that is left.

    Raises
    ------
    MethexisError
        If there is no such end within reach, or descent is unstable at the start.

    Examples
    --------
    >>> teacher = Teacher([[1.0], [0.0]])  # H = 2 (a² + 1/a²), 2/a²: W_1 = 1/a, W_2 = a e_1
    >>> end = edge_fixed_point(teacher, EDLN(hidden=(1,)), lr=1e-4)
    >>> round(float(end.weights[0][0, 0]) ** -4, 3)  # small steps: the Platonic point
    2.0
    """
    problem = theory_problem(source, student, "squared")
    # Only the noise of each step counts, not what there is in the data.
    noise = problem.label_map @ problem.label_map.T
    problem = replace(problem, cov_noise=noise, fresh_noise=None, x=None, y=None)
    lr = number("lr", lr, above=0.0)
    start = platonic_of(problem).weights if weights is None else weight_list(weights, problem.dims)
    one_set("edge", start)
    sharpest = sharpest_of(problem, start)
    if lr * sharpest >= 2.0:
        raise MethexisError(
            f"lr: expected less than 2/λ_max = {2.0 / sharpest:.4g} at the start, got {lr:g}: "
            "descent is unstable there"
        )
    warm = Warm()

    def velocity(w: list[Array]) -> list[Array]:
        return drift_velocity(problem, w, lr, warm)

    return fixed_point_of(problem, velocity, start, "edge", progress=progress)
