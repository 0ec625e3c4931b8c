r"""Slow drift: the path of i.i.d. SGD on slow time, and where it ends.

With independent samples the noise of one step is not undone by the next, and the drift along the
minima is ``dθ/dτ = -½ P ∇_θ Tr(H(θ) Y)`` at fixed ``Y``, where ``H Y + Y H = Σ_g`` on the normal
space and ``Σ_g`` is the covariance of the sample gradient (Katzenberger's limit; docs/theory.md
§5). Here ``J Σx^{1/2} = U s Qᵀ`` gives ``Y = Q y Qᵀ`` with ``y_ab = 2 s_a s_b [UᵀΓU]_ab / (s_a² +
s_b²)``; ``Γ`` is ``Σε ⊗ 1`` unless residuals depend on inputs (`Problem.noise_moment`). With
``Y = Σ_k λ_k v_k v_kᵀ`` the gradient is a sum of second derivatives of ``F`` along ``v_k``; no
third-order tensor is formed.

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
from methexis.core.layers.products import pullback, pullback_differential
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, bind, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress
from methexis.theory.effort import PATIENCE
from methexis.theory.fixed_points.steady import FixedPoint, fixed_point_of
from methexis.theory.flow import begun, decayed, integrate_slow, slow_times_of
from methexis.theory.normal import Normal
from methexis.theory.path import SlowPath
from methexis.theory.platonic import platonic_of


def drift_velocity(problem: Problem, weights: list[Array], lr: float = 0.0) -> list[Array]:
    """``dθ/dτ = -½ P ∇ Tr(H Y)|_Y`` at weights on the minima; leading dimensions broadcast.

    With ``lr`` the fluctuations are those of steps of that size, ``(1 - ηH) Y (1 - ηH) + η Σ_g =
    Y``, and not of their limit: see `theory.fixed_points.edge`.
    """
    normal = Normal(problem, weights)
    eigenvalues, vectors, alive = normal.spectrum
    values = np.where(alive, eigenvalues, 0.0)
    s = np.sqrt(values)
    noise = vectors.mT @ problem.noise_moment @ vectors
    a, b = values[..., :, None], values[..., None, :]
    pair = a + b - 2.0 * lr * a * b
    both = alive[..., :, None] & alive[..., None, :]
    y = 2.0 * s[..., :, None] * s[..., None, :] * noise / np.where(both, pair, 1.0)
    return frozen_drift(normal, np.where(both, y, 0.0))


def frozen_drift(normal: Normal, y: Array) -> list[Array]:
    """``-½ P ∇ Tr(H Y)|_Y`` for ``Y = Q y Qᵀ`` on the normal space, ``y`` in the basis ``U``."""
    problem, weights = normal.problem, normal.weights
    eigenvalues, vectors, alive = normal.spectrum
    s = np.sqrt(np.where(alive, eigenvalues, 0.0))
    strengths, mixing = np.linalg.eigh((y + y.mT) / 2.0)
    # v_k = Q o_k = Jᵀ U s⁻¹ o_k, and dF[v_k] Σx^{1/2} = U s o_k.
    inverse = np.where(alive, 1.0 / np.where(alive, s, 1.0), 0.0)
    shape = (*strengths.shape, *problem.target.shape)
    lifted = (vectors @ (inverse[..., None] * mixing)).mT.reshape(shape)
    moved = (vectors @ (s[..., None] * mixing)).mT.reshape(shape)
    spread = [w[..., None, :, :] for w in weights]
    directions = pullback(problem, spread, lifted @ normal.root)
    second = pullback_differential(problem, spread, directions, moved @ normal.root)
    force = [-2.0 * np.sum(strengths[..., None, None] * g, axis=-3) for g in second]
    return normal.tangent(force)


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

    def velocity(w: list[Array]) -> list[Array]:
        return decayed(problem, w, drift_velocity(problem, w), decay)

    watch = begun("slow drift", problem, layers, times, steps, True, patience, progress)
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

    def velocity(w: list[Array]) -> list[Array]:
        return decayed(problem, w, drift_velocity(problem, w), decay)

    return fixed_point_of(problem, velocity, start, "slow drift")
