r"""Slow drift: the path of i.i.d. SGD on slow time, and where it ends.

With independent samples the noise of one step is not undone by the next, and the drift along the
minima is ``dθ/dτ = -½ P ∇_θ Tr(H(θ) Y)`` at fixed ``Y``, where ``H Y + Y H = Σ_g`` on the normal
space and ``Σ_g`` is the covariance of the sample gradient (Katzenberger's limit; docs/theory.md
§5). Here ``J Σx^{1/2} = U s Qᵀ`` gives ``Y = Q y Qᵀ`` with ``y_ab = 2 s_a s_b [UᵀΓU]_ab / (s_a² +
s_b²)``; ``Γ`` is ``Σε ⊗ 1`` unless residuals depend on inputs (`Problem.noise_moment`). By
`theory.dual.fluctuations` the gradient follows from ``Y`` by two sums over labels and inputs; no
third-order tensor is formed, and of large students no spectrum either.

If the noise is isotropic in the loss's metric, ``Y`` is that isotropic constant on the normal space
and the drift is the entropic flow. Otherwise it has a rotational part that never dies: the end is
not a point but a steady rotation of the hidden bases, with alignments that stand still.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.answers import computed
from methexis.core.checks import Array, number, weight_list
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, bind, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.dual.fluctuations import (
    WITHOUT_SPECTRUM,
    Warm,
    fluctuating_force,
    force_of,
    require_table,
)
from methexis.theory.dual.normal import Normal
from methexis.theory.effort import PATIENCE
from methexis.theory.fixed_points.steady import FixedPoint, fixed_point_of
from methexis.theory.flow import begun, decayed, entropic_velocity, integrate_slow, slow_times_of
from methexis.theory.path import SlowPath
from methexis.theory.platonic import platonic_of

#: Deviation of a covariance from a multiple of the identity, relative, up to which it is one.
_ISOTROPIC = 1e-12
#: Residual of fluctuations along a path, over the tolerance of its integrator.
RESIDUAL_SHARE = 1e-2


def drift_velocity(
    problem: Problem, weights: list[Array], lr: float = 0.0, warm: Warm | None = None
) -> list[Array]:
    """``dθ/dτ = -½ P ∇ Tr(H Y)|_Y`` at weights on the minima; leading dimensions broadcast.

    With ``lr`` the fluctuations are those of steps of that size, ``(1 - ηH) Y (1 - ηH) + η Σ_g =
    Y``, and not of their limit: see `theory.fixed_points.edge`. Of large students they are found
    without a spectrum (`theory.dual.fluctuations`), beginning with what ``warm`` holds; where noise
    is even, there is nothing to be found, because the drift is the entropic flow.
    """
    large = problem.target.size >= WITHOUT_SPECTRUM
    if large and lr == 0.0 and even(problem):
        return entropic_velocity(problem, weights)
    normal = Normal(problem, weights)
    if large and np.isfinite(flatten(weights)).all():
        force = fluctuating_force(problem, weights, lr, warm)
        if force is not None:
            return normal.tangent(force)
    eigenvalues, vectors, alive = normal.spectrum
    values = np.where(alive, eigenvalues, 0.0)
    s = np.sqrt(values)
    noise = vectors.mT @ problem.noise_moment @ vectors
    a, b = values[..., :, None], values[..., None, :]
    pair = a + b - 2.0 * lr * a * b
    both = alive[..., :, None] & alive[..., None, :]
    y = 2.0 * s[..., :, None] * s[..., None, :] * noise / np.where(both, pair, 1.0)
    return frozen_drift(normal, np.where(both, y, 0.0))


def isotropic(covariance: Array) -> bool:
    """Whether a covariance is a multiple of the identity, to rounding."""
    size = float(np.trace(covariance)) / len(covariance)
    left = covariance - size * np.eye(len(covariance))
    return bool(np.abs(left).max() <= _ISOTROPIC * size)


def even(problem: Problem) -> bool:
    """Whether noise is a teacher's and isotropic in the loss's metric (docs/theory.md §5.4)."""
    return problem.x is None and isotropic(problem.cov_noise)


def _require(problem: Problem) -> bool:
    """Whether fluctuations have to be found; see that there is room for those of a large student.

    Raises
    ------
    MethexisError
        If there is none.
    """
    if problem.target.size < WITHOUT_SPECTRUM:
        return True
    if even(problem):
        return False
    require_table(problem)
    return True


def frozen_drift(normal: Normal, y: Array) -> list[Array]:
    """``-½ P ∇ Tr(H Y)|_Y`` for ``Y = Q y Qᵀ`` on the normal space, ``y`` in the basis ``U``."""
    eigenvalues, vectors, alive = normal.spectrum
    s = np.sqrt(np.where(alive, eigenvalues, 0.0))
    inverse = np.where(alive, 1.0 / np.where(alive, s, 1.0), 0.0)
    # Y = Jᵀ Z J with Z = U s⁻¹ y s⁻¹ Uᵀ, and K = U s² Uᵀ.
    table = (vectors * inverse[..., None, :]) @ y @ (vectors * s[..., None, :]).mT
    return normal.tangent(force_of(normal.problem, normal.weights, table))


def slow_drift(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    lr: float,
    batch: int = 1,
    steps: int | Sequence[int],
    momentum: float = 0.0,
    decay: float = 0.0,
    loss: str = "squared",
    rtol: float = 1e-7,
    patience: float = PATIENCE,
    progress: Progress | str | bool | None = None,
) -> SlowPath:
    """Path of SGD with independent samples (online, or with replacement), on slow time.

    Residuals of samples may depend on the inputs. See `entropic_flow` for parameters, results and
    errors, and `drift_fixed_point` for the end of the path.

    Examples
    --------
    >>> import numpy as np
    >>> teacher = Teacher([[1.0], [0.0]])
    >>> start = [np.ones((1, 1)), np.array([[1.0], [0.0]])]
    >>> path = slow_drift(teacher, EDLN(hidden=(1,)), start, lr=0.01, steps=200_000)
    >>> round(float(path.weights[0][-1, 0, 0]) ** -4, 6)  # isotropic noise: the Platonic point
    2.0
    """
    problem, layers = bind(source, student, weights, loss)
    number("rtol", rtol, above=0.0, below=1.0)
    decay = number("decay", decay, least=0.0)
    times = slow_times_of(steps, lr, batch, momentum)

    warm = Warm(residual=RESIDUAL_SHARE * rtol)

    def velocity(w: list[Array]) -> list[Array]:
        return decayed(problem, w, drift_velocity(problem, w, warm=warm), decay)

    fluctuates = _require(problem)
    watch = begun("slow drift", problem, layers, times, steps, fluctuates, patience, progress)
    path = integrate_slow(problem, layers, times, velocity, rtol=rtol, watch=watch)
    if watch is not None:
        watch(float(times[-1]))
    return path


@computed("drift_fixed_point")
def drift_fixed_point(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    weights: Sequence[Array] | None = None,
    decay: float = 0.0,
    loss: str = "squared",
    progress: Progress | str | bool | None = None,
) -> FixedPoint:
    """Where `slow_drift` ends: a point that only turns, and to which deviations return.

    Students wider than the rank may have several such ends under uneven noise, in which spare
    neurons are alive (docs/theory.md §5.9); ``weights`` choose between them.

    Parameters
    ----------
    weights : list of arrays (d_i, d_{i-1}), optional
        Start; the Platonic point by default, which is near.
    decay : float
        ``κ = γB/η`` of weight decay, see `decay_fixed_point`.
    progress : Progress, "auto" or bool, optional
        Told how far the search has come, in digits of the speed that is left.

    Raises
    ------
    MethexisError
        If there is no such end within reach, or on bad input. It may be out of reach where every
        hidden layer is wider than a rank below the numbers of inputs and labels (§5.8).
    ConditionError
        If a condition of the theorem fails and no ``weights`` were given.
    """
    problem = theory_problem(source, student, loss)
    decay = number("decay", decay, least=0.0)
    start = platonic_of(problem).weights if weights is None else weight_list(weights, problem.dims)

    _require(problem)
    warm = Warm()

    def velocity(w: list[Array]) -> list[Array]:
        return decayed(problem, w, drift_velocity(problem, w, warm=warm), decay)

    return fixed_point_of(problem, velocity, start, "slow drift", progress=progress)
