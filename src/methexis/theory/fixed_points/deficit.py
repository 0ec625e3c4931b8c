r"""Slow drift of students that cannot represent the teacher's map, and where it ends.

A student that sees too little, answers too little or is too narrow ends at the best map ``F*`` it
can represent (`core.attainable`), not at ``V``. Its minima are those of the problem with target
``F*``, but residuals still depend on the inputs: ``e = ε + (V - F*) x``. On these minima

    Σ_g = 4 Jᵀ (Σε' ⊗ 1) J,    Σε' = Σε + (V - F*) Σx (V - F*)ᵀ,    ∇²L = 2 JᵀJ + R

for Gaussian inputs. In ``Σ_g`` the dependence of ``e`` on ``x`` cancels, so that entropy and closed
forms are those of the problem with noise ``Σε'``. The residual term ``R`` is zero where the student
is limited by its embeddings alone. Where its rank is cut, ``R`` couples the first layer and the
last, so that the two covariances that balance in ``H Y + Y H = Σ_g`` no longer commute even for
isotropic noise: independent samples then end off the Platonic point. The drift is ``dθ/dτ = -½ P
∇³L[Y]`` with the derivative of ``R`` included (docs/theory.md §6.6).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.answers import computed
from methexis.core.attainable import attainable
from methexis.core.checks import RANK_TOLERANCE, Array, weight_list
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten, unflatten
from methexis.core.mlp import MLP
from methexis.core.parallel.memory import require_room
from methexis.core.problem import Problem, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.curvature import hessian_product, whitened_jacobian
from methexis.theory.dual.normal import REACH_TOLERANCE
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.fixed_points.steady import FixedPoint, fixed_point_of
from methexis.theory.platonic import platonic_of

#: Matrices of all parameters that a velocity holds at once.
_HELD = 14
#: Of complex steps: no subtraction, so no cancellation.
_STEP = 1e-30


def couples(problem: Problem, best: Problem) -> bool:
    """Whether the residual term ``R`` is there: ``Mᵀ (V - F*) Σx Eᵀ`` is not zero."""
    missing = (problem.target - best.target) @ problem.cov_x
    seen = problem.embed_out.T @ missing @ problem.embed_in.T
    size = problem.embed_out.T @ problem.target @ problem.cov_x @ problem.embed_in.T
    return bool(np.linalg.norm(seen) > RANK_TOLERANCE * np.linalg.norm(size))


def deficit_velocity(problem: Problem, best: Problem, weights: Sequence[Array]) -> list[Array]:
    """``dθ/dτ = -½ P ∇³L[Y]`` at weights on the minima of ``best``; leading dimensions broadcast.

    Dense in the number of parameters, for small networks. The derivative is a complex step through
    `hessian_product`, exact to rounding. For ``best`` equal to ``problem`` it is `drift_velocity`.
    """
    require_matrices(problem, int(np.prod(weights[0].shape[:-2])))
    spread = [w[..., None, :, :] for w in weights]
    basis = unflatten(np.eye(problem.num_parameters), problem.dims)
    hessian = flatten(hessian_product(problem, spread, basis))
    values, vectors = np.linalg.eigh((hessian + hessian.mT) / 2.0)
    jacobian = whitened_jacobian(problem, weights) @ vectors
    reach = np.linalg.svd(jacobian, compute_uv=False)
    reached = int(np.sum(reach > np.sqrt(REACH_TOLERANCE) * reach[..., :1], axis=-1).max())
    # The kernel of the Hessian is that of J: as many zeros as J has.
    normal, curvatures = vectors[..., -reached:], values[..., -reached:]
    rows, columns = problem.target.shape
    moved = jacobian[..., -reached:]
    modes = moved.mT.reshape(*moved.shape[:-2], reached, rows, columns)
    noise = 4.0 * moved.mT @ (best.cov_noise @ modes).reshape(*modes.shape[:-2], -1).mT
    y = noise / (curvatures[..., :, None] + curvatures[..., None, :])
    strengths, mixing = np.linalg.eigh((y + y.mT) / 2.0)
    directions = unflatten((normal @ mixing).mT, problem.dims)
    ahead = [w + 1j * _STEP * d for w, d in zip(spread, directions, strict=True)]
    bent = flatten(hessian_product(problem, ahead, directions)).imag / _STEP
    pull = -0.5 * np.sum(strengths[..., None] * bent, axis=-2)
    along = pull - (normal @ (normal.mT @ pull[..., None]))[..., 0]
    return unflatten(along, problem.dims)


def require_matrices(problem: Problem, replicas: int = 1) -> None:
    """See that `deficit_velocity` of so many replicas can hold its matrices of all parameters.

    Raises
    ------
    MethexisError
        If not.
    """
    size = problem.num_parameters
    require_room(
        "slow drift",
        8 * replicas * size * (_HELD * size + 3 * problem.target.size),
        f"matrices of {size:,} parameters, dense where the rank of a student is cut",
        "take narrower layers, or follow a run",
    )


@computed("deficit_fixed_point")
def deficit_fixed_point(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    weights: Sequence[Array] | None = None,
    loss: str = "squared",
    progress: Progress | str | bool | None = None,
) -> FixedPoint:
    """Where independent samples take a student that may be unable to represent the teacher's map.

    For a student that is able, `drift_fixed_point`.

    Parameters
    ----------
    source : Teacher or Samples
        Data; inputs are taken as Gaussian.
    student : EDLN, or a linear MLP
        Network; its view and embeddings may lose inputs or miss labels, its layers may be narrower
        than the teacher's rank.
    weights : list of arrays (d_i, d_{i-1}), optional
        Where to start the search; by default the Platonic point of what the student can represent.
    loss : {"squared", "whitened"}
        Loss; whitened by the teacher's noise, not the student's.
    progress : Progress, "auto" or bool, optional
        Told how far the search has come, in digits of the speed that is left.

    Raises
    ------
    MethexisError
        If there is no such end within reach, no room for the matrices of a student whose rank is
        cut, or on bad input.
    ConditionError
        As `core.attainable`.

    Examples
    --------
    >>> teacher = Teacher([[3.0, 0.0], [0.0, 1.0]])
    >>> end = deficit_fixed_point(teacher, EDLN((1,)))  # one neuron for two modes: the larger
    >>> (end.weights[1] @ end.weights[0]).round(9).tolist()
    [[3.0, 0.0], [0.0, 0.0]]
    """
    problem = theory_problem(source, student, loss)
    best = attainable(problem)
    start = platonic_of(best).weights if weights is None else weight_list(weights, problem.dims)
    coupled = couples(problem, best)
    if coupled:
        require_matrices(problem)

    def velocity(w: list[Array]) -> list[Array]:
        return deficit_velocity(problem, best, w) if coupled else drift_velocity(best, w)

    return fixed_point_of(best, velocity, start, "slow drift", progress=progress)
