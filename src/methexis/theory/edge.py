r"""Near the edge of stability: what full-batch descent selects while labels jitter a little.

Descent on the whole data set whose labels get fresh, isotropic noise in every step has a gradient
noise ``Σ_g ∝ H`` on the minima and no other. At a finite step size ``η`` the fluctuation along an
eigenvector of the Hessian with eigenvalue ``h`` is not the same for all of them as for small steps
but, from ``(1 - ηH) Y (1 - ηH) + η Σ_g = Y``,

    Y ∝ (1 - ηH/2)⁻¹,

so the drift ``-½ P ∇ Tr(H Y)|_Y`` is minus the gradient, along the minima, of

    Φ = -(1/η) Tr log(1 - ηH/2),        Φ → ½ Tr H as η → 0,

and as the noise vanishes the run ends at its minimum. Directions near the edge, ``h → 2/η``, weigh
ever more: the end leaves the Platonic point long before they get there (docs/theory.md §6.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from methexis.core.checks import Array, MethexisError, number, weight_list
from methexis.core.edln import EDLN
from methexis.core.mlp import MLP
from methexis.core.problem import theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.curvature import minimum_spectrum
from methexis.theory.drift import drift_velocity
from methexis.theory.platonic import platonic_of
from methexis.theory.steady import FixedPoint, fixed_point_of


def edge_fixed_point(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    lr: float,
    weights: Sequence[Array] | None = None,
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

    Raises
    ------
    MethexisError
        If there is no such end within reach, or descent is unstable at the start.

    Examples
    --------
    >>> teacher = Teacher([[1.0], [0.0]])  # H = 2 (a² + 1/a²), 2/a²: W_1 = 1/a, W_2 = a e_1
    >>> found = edge_fixed_point(teacher, EDLN(hidden=(1,)), lr=1e-4)
    >>> round(float(found.weights[0][0, 0]) ** -4, 3)  # small steps: the Platonic point
    2.0
    """
    found = theory_problem(source, student, "squared")
    # Only the noise of each step counts, not what there is in the data.
    noise = found.label_map @ found.label_map.T
    problem = replace(found, cov_noise=noise, fresh_noise=None, x=None, y=None)
    lr = number("lr", lr, above=0.0)
    start = platonic_of(problem).weights if weights is None else weight_list(weights, problem.dims)
    sharpest = float(minimum_spectrum(problem, start).max())
    if lr * sharpest >= 2.0:
        raise MethexisError(
            f"lr: expected less than 2/λ_max = {2.0 / sharpest:.4g} at the start, got {lr:g}: "
            "descent is unstable there"
        )
    return fixed_point_of(problem, lambda w: drift_velocity(problem, w, lr), start, "edge")
