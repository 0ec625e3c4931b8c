"""Relaxation spectrum of the entropic flow at the Platonic point: how long a run must be.

Linearised, deviations along the minima decay as ``e^{-μτ/4}`` with ``μ`` the non-zero eigenvalues
of the Riemannian Hessian of ``S``, ``P (∇²S - ∇³L[H⁺∇S]) P`` (docs/theory.md §5). ``S`` and ``L``
are polynomials in the weights, so the directional derivatives that this needs come exactly from a
complex step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from methexis.core.answers import computed
from methexis.core.checks import Array, MethexisError, count, number
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten, unflatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.curvature import hessian_product, whitened_jacobian
from methexis.theory.entropy import entropy_gradient_of
from methexis.theory.platonic import platonic_of
from methexis.theory.projection import REACH_TOLERANCE

#: Eigenvalues below this part of the largest are rotations and dead blocks, not slow modes.
ZERO_MODE_TOLERANCE = 1e-8
_COMPLEX_STEP = 1e-30


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Result of `relaxation`.

    Attributes
    ----------
    eigenvalues : array (num_modes,)
        ``μ``, ascending: deviations decay as ``e^{-μτ/4}``, ``1 - alignment`` as ``e^{-μτ/2}``.
    num_zero_modes : int
        Directions along which the Platonic points themselves extend.
    rates : array (num_modes,)
        ``μ η²/(4B)``: decay of a deviation per SGD step.
    slowest_steps : float
        ``1 / rates[0]``: steps for the slowest deviation to fall by ``e``.
    """

    eigenvalues: Array
    num_zero_modes: int
    rates: Array
    slowest_steps: float

    def slow_time(self, reduction: float) -> float:
        """Slow time in which the slowest deviation falls by the factor ``reduction > 1``.

        Raises
        ------
        MethexisError
            If that is no number above 1.
        """
        factor = number("reduction", reduction, above=1.0)
        return float(4.0 * np.log(factor) / self.eigenvalues[0])


@computed("relaxation")
def relaxation(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    lr: float,
    batch: int = 1,
    momentum: float = 0.0,
    loss: str = "squared",
) -> Relaxation:
    """Decay rates of deviations from the Platonic point, per SGD step.

    Parameters
    ----------
    source : Teacher or Samples
        Data.
    student : EDLN, or a linear MLP
        Network.
    lr, batch, momentum : float, int, float
        Learning rate ``η``, batch size ``B``, heavy-ball ``β``.
    loss : {"squared", "whitened"}
        Loss.

    Raises
    ------
    ConditionError
        If a condition of the theorem fails.
    MethexisError
        On bad numbers or shapes.

    Examples
    --------
    >>> found = relaxation(Teacher([[1.0], [0.0]]), EDLN(hidden=(1,)), lr=0.01)
    >>> found.eigenvalues.round(6).tolist()
    [21.333333]
    """
    lr = number("lr", lr, above=0.0)
    momentum = number("momentum", momentum, least=0.0, below=1.0)
    batch = count("batch", batch, least=1)
    problem = theory_problem(source, student, loss)
    values = relaxation_eigenvalues(problem, platonic_of(problem).weights)
    if not values.size or not values[-1] > 0.0:
        raise MethexisError(
            "relaxation: expected a direction in which deviations decay, got none: the minima of "
            "this student are one point up to rotations"
        )
    zero = int(np.sum(values <= ZERO_MODE_TOLERANCE * values[-1]))
    alive = values[zero:]
    rates = alive * (lr / (1.0 - momentum)) ** 2 / (4.0 * batch)
    if not 0.0 < rates[0] < np.inf:
        raise MethexisError(
            f"lr: expected decay rates that double precision holds, got a slowest one of "
            f"{rates[0]:g} at lr {lr:g}, momentum {momentum:g} and batch {batch}"
        )
    return Relaxation(alive, zero, rates, float(1.0 / rates[0]))


def relaxation_eigenvalues(problem: Problem, weights: Sequence[Array]) -> Array:
    """All eigenvalues on the tangent space of the minima at ``weights``, ascending."""
    jacobian = whitened_jacobian(problem, weights)
    _, s, q = np.linalg.svd(jacobian, full_matrices=True)
    normal = int(np.sum(s**2 > REACH_TOLERANCE * s[0] ** 2))
    tangent = q[normal:]
    force = q[:normal] @ flatten(entropy_gradient_of(problem, weights))
    # H = 2 JᵀJ on the normal space
    pushed = (force / (2.0 * s[:normal] ** 2)) @ q[:normal]
    step = 1j * _COMPLEX_STEP
    moved = [w + step * d for w, d in zip(weights, unflatten(tangent, problem.dims), strict=True)]
    along = unflatten(pushed, problem.dims)
    second = flatten([g.imag for g in entropy_gradient_of(problem, moved)])
    third = flatten([g.imag for g in hessian_product(problem, moved, along)])
    matrix = (second - third) / _COMPLEX_STEP @ tangent.T
    return np.asarray(scipy.linalg.eigvalsh((matrix + matrix.T) / 2.0))
