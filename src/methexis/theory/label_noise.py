r"""Exact gradients with fresh label noise: the flattest minimum, whatever the noise of the data.

A step on the whole data whose labels get fresh noise ``σ n`` has gradient noise ``4 Jᵀ(Σ ⊗ 1)J``,
with ``Σ = σ² N^{1/2}ΦΦᵀN^{1/2}`` alone: the noise of the data is averaged away before the step. So
all of docs/theory.md holds with ``Σ`` in place of ``Σε``. Where ``Σ`` is isotropic, as it is
without a label map, the slow motion is the descent of

    s² · ½ Tr H,    Σ = s² 1,

by (4.7), and its end is the Platonic point of the problem whose labels have noise of unit strength:
the kernel of ``V Σx^{1/2}`` instead of ``Σε^{1/2} V Σx^{1/2}``. A label map that is not orthogonal
makes it uneven, and then the end is that of the slow drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from methexis.core.answers import computed, of_replicas, require_finite
from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, bind, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.curvature import trace_of
from methexis.theory.dual.fluctuations import Warm
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.fixed_points.steady import FixedPoint, fixed_point_of
from methexis.theory.platonic import PlatonicSolution, platonic_of


def label_noise_potential(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> Array:
    """Potential ``½ Tr H`` of exact gradients with fresh, isotropic label noise.

    On the slow time ``τ = σ² η² t`` weights on the minima move by ``dθ/dτ = -P ∇(½ Tr H)``.

    Parameters
    ----------
    source : Teacher or Samples
        Data; their own noise does not enter.
    student : EDLN, or a linear MLP
        Network.
    weights : sequence of arrays (..., d_i, d_{i-1})
        Weights on the minima of the loss; leading dimensions are replicas.
    loss : {"squared", "whitened"}
        Loss.

    Returns
    -------
    array (...)

    Raises
    ------
    MethexisError
        On shapes that do not fit, or weights that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> one = [np.ones((1, 1)), np.array([[1.0], [0.0]])]
    >>> float(label_noise_potential(Teacher([[1.0], [0.0]]), EDLN(hidden=(1,)), one))  # a² + 2/a²
    3.0
    """
    problem, layers = bind(source, student, weights, loss)
    return of_replicas("label_noise_potential", layers, lambda w: 0.5 * trace_of(problem, w))


def label_noise_minimum(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    loss: str = "squared",
    seed: int | None = None,
) -> PlatonicSolution:
    """Closed form of the least `label_noise_potential` over all minima of the loss.

    It is `platonic` for labels with noise of unit strength. Of the result ``hessian_trace`` is the
    least trace of the Hessian, ``2 D q``, and ``entropy`` that of the noise that is added.

    Parameters
    ----------
    source : Teacher or Samples
        Data; no noise of their own is needed.
    student : EDLN, or a linear MLP
        Network.
    loss : {"squared", "whitened"}
        Loss.
    seed : int, optional
        Draws the free rotations, as in `platonic`.

    Raises
    ------
    ConditionError
        If a condition of the theorem fails, as in `platonic`.
    MethexisError
        On shapes that do not fit.

    Examples
    --------
    >>> teacher = Teacher([[1.0], [0.0]], cov_noise=[[1.0, 0.0], [0.0, 15.0]])
    >>> flattest = label_noise_minimum(teacher, EDLN(hidden=(1,)))
    >>> round(flattest.hessian_trace, 6)  # 2 (a² + 2/a²) at a⁴ = 2, for any noise of the data
    5.656854
    """
    problem = theory_problem(source, student, loss)
    with computed("label_noise_minimum"):
        solution = platonic_of(_noised(problem, np.eye(len(problem.target))), seed=seed)
    require_finite("label_noise_minimum", flatten(solution.weights), solution.weights)
    return solution


@computed("label_noise_fixed_point")
def label_noise_fixed_point(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    loss: str = "squared",
    progress: Progress | str | bool | None = None,
) -> FixedPoint:
    """Where exact gradients with fresh label noise end, for every label map and loss.

    On slow time ``τ = σ² η² t``. Without a label map and with squared errors it is the point of
    `label_noise_minimum`; elsewhere the added noise is uneven in the loss's metric.

    Parameters
    ----------
    source : Teacher or Samples
        Data. A whitened loss takes its metric from their noise.
    student : EDLN, or a linear MLP
        Network.
    loss : {"squared", "whitened"}
        Loss.
    progress : Progress, "auto" or bool, optional
        Told how far the search has come, in digits of the speed that is left.

    Raises
    ------
    MethexisError
        If there is no such end within reach, or on bad input.
    ConditionError
        If a condition of the theorem fails.

    Examples
    --------
    >>> teacher = Teacher([[1.0], [0.0]], cov_noise=[[1.0, 0.0], [0.0, 15.0]])
    >>> end = label_noise_fixed_point(teacher, EDLN(hidden=(1,)))
    >>> round(float(end.weights[0][0, 0]) ** -4, 6)  # a⁴
    2.0
    """
    problem = theory_problem(source, student, loss)
    added = _noised(problem, problem.label_map @ problem.label_map.T)
    start = platonic_of(added).weights
    velocity = partial(drift_velocity, added, warm=Warm())
    return fixed_point_of(added, velocity, start, "label noise", progress=progress)


def _noised(problem: Problem, noise: Array) -> Problem:
    """The problem with that noise on its labels and no other."""
    return replace(problem, cov_noise=noise, x=None, y=None, fresh_noise=None)
