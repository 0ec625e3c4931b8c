r"""Slow drift: the path of i.i.d. SGD on slow time, and where it ends.

With independent samples the noise of one step is not undone by the next, and the drift along the
minima is ``dθ/dτ = -½ P ∇_θ Tr(H(θ) Y)`` at fixed ``Y``, where ``H Y + Y H = Σ_g`` on the normal
space and ``Σ_g`` is the covariance of the sample gradient (Katzenberger's limit; docs/theory.md
§5). Here ``J Σx^{1/2} = U s Qᵀ`` gives ``Y = Q y Qᵀ`` with ``y_ab = 2 s_a s_b [Uᵀ(Σε ⊗ I)U]_ab /
(s_a² + s_b²)``, and with ``Y = Σ_k λ_k v_k v_kᵀ`` the gradient is a sum of second derivatives of
``F`` along ``v_k``; no third-order tensor is formed.

If the noise is isotropic in the loss's metric, ``Y`` is that isotropic constant on the normal space
and the drift is the entropic flow. Otherwise it has a rotational part that never dies: the end is
not a point but a steady rotation of the hidden bases, with alignments that stand still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.integrate

from methexis.core.checks import Array, MethexisError, weight_list
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten, unflatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, bind, theory_problem
from methexis.core.products import pullback, pullback_differential
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.entropy import entropy_gradient_of
from methexis.theory.flow import SlowPath, integrate_slow, slow_times_of
from methexis.theory.platonic import platonic_of
from methexis.theory.projection import Normal, project_of


def drift_velocity(problem: Problem, weights: list[Array]) -> list[Array]:
    """``dθ/dτ = -½ P ∇ Tr(H Y)|_Y`` at weights on the minima; leading dimensions broadcast."""
    normal = Normal(problem, weights)
    found, vectors, alive = normal.spectrum
    values = np.where(alive, found, 0.0)
    s = np.sqrt(values)
    rows, columns = problem.target.shape
    modes = vectors.mT.reshape(*s.shape, rows, columns)
    # [Uᵀ(Σε ⊗ I)U]_ab
    noise = vectors.mT @ (problem.cov_noise @ modes).reshape(*s.shape, -1).mT
    pair = values[..., :, None] + values[..., None, :]
    both = alive[..., :, None] & alive[..., None, :]
    y = 2.0 * s[..., :, None] * s[..., None, :] * noise / np.where(both, pair, 1.0)
    y = np.where(both, y, 0.0)
    strengths, mixing = np.linalg.eigh((y + y.mT) / 2.0)
    # v_k = Q o_k = Jᵀ U s⁻¹ o_k, and dF[v_k] Σx^{1/2} = U s o_k.
    inverse = np.where(alive, 1.0 / np.where(alive, s, 1.0), 0.0)
    shape = (*strengths.shape, rows, columns)
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
    loss: str = "squared",
    rtol: float = 1e-7,
) -> SlowPath:
    """Path of SGD with independent samples (online, or with replacement), on slow time.

    For samples the noise covariance is the second moment of the residual, as if it did not depend
    on the inputs. See `entropic_flow` for parameters, results and errors, and `drift_fixed_point`
    for the end of the path.

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
    times = slow_times_of(steps, lr, batch, momentum)
    return integrate_slow(problem, layers, times, lambda w: drift_velocity(problem, w), rtol=rtol)


@dataclass(frozen=True, eq=False)
class DriftFixedPoint:
    """Where `slow_drift` ends: a point up to a steady rotation of the hidden bases.

    Attributes
    ----------
    weights : list of arrays (d_i, d_{i-1})
        One set of weights on the steady rotation.
    rotations : list of arrays (d_i, d_i)
        Antisymmetric ``Ω_i``: ``dW_i/dτ = Ω_i W_i - W_i Ω_{i-1}``. All zero for isotropic noise.
    error : float
        Speed that no rotation explains, over that of the whole entropic force; at most 1e-8.
    slow_time : float
        Slow time integrated to get there.
    """

    weights: list[Array]
    rotations: list[Array]
    error: float
    slow_time: float


def drift_fixed_point(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    weights: Sequence[Array] | None = None,
    loss: str = "squared",
    max_slow_time: float | None = None,
) -> DriftFixedPoint:
    """Follow the slow drift until only a rotation of the hidden bases is left.

    Parameters
    ----------
    weights : list of arrays (d_i, d_{i-1}), optional
        Start; the Platonic point by default, which is near.
    max_slow_time : float, optional
        Give up after that much slow time; by default when 40 doublings of a first short stretch
        were not enough.

    Raises
    ------
    MethexisError
        If it does not settle in that time.
    ConditionError
        If a condition of the theorem fails and no ``weights`` were given.
    """
    problem = theory_problem(source, student, loss)
    if weights is None:
        weights = platonic_of(problem).weights
    state = flatten(project_of(problem, weight_list(weights, problem.dims)))

    def rhs(_: float, flat: Array) -> Array:
        return flatten(drift_velocity(problem, unflatten(flat, problem.dims)))

    speed = float(np.linalg.norm(rhs(0.0, state)))
    stretch = 0.1 * float(np.linalg.norm(state)) / speed if speed > 0 else 1.0
    elapsed = 0.0
    # The whole entropic force, most of it normal to the minima, sets the unit of speed.
    force = entropy_gradient_of(problem, unflatten(state, problem.dims))
    rate = 0.25 * float(np.linalg.norm(flatten(force)))
    limit = np.inf if max_slow_time is None else max_slow_time
    for _ in range(40):
        layers = unflatten(state, problem.dims)
        rotations, error = _steady_rotation(problem, layers, rate)
        if error <= 1e-8:
            return DriftFixedPoint(layers, rotations, error, elapsed)
        if elapsed >= limit:
            break
        solution = scipy.integrate.solve_ivp(
            rhs,
            (0.0, stretch),
            state,
            method="LSODA",
            rtol=1e-10,
            atol=1e-12 * float(np.abs(state).max()),
        )
        state = flatten(project_of(problem, unflatten(solution.y[:, -1], problem.dims)))
        elapsed += stretch
        stretch *= 1.5
    raise MethexisError(
        f"slow drift: expected a steady rotation within slow time {elapsed:g}, but a relative "
        f"speed of {error:.2g} is left; raise max_slow_time"
    )


def _steady_rotation(
    problem: Problem, weights: list[Array], rate: float
) -> tuple[list[Array], float]:
    """Least-squares rotations that explain the drift, and the speed they leave."""
    velocity = drift_velocity(problem, weights)
    generators = []
    places = []
    for i, width in enumerate(problem.dims[1:-1]):
        for a in range(width):
            for b in range(a):
                omega = np.zeros((width, width))
                omega[a, b], omega[b, a] = 1.0, -1.0
                moved = [np.zeros_like(w) for w in weights]
                moved[i] = omega @ weights[i]
                moved[i + 1] = moved[i + 1] - weights[i + 1] @ omega
                generators.append(flatten(moved))
                places.append((i, a, b))
    flat = flatten(velocity)
    rotations = [np.zeros((width, width)) for width in problem.dims[1:-1]]
    if generators:
        matrix = np.stack(generators, axis=1)
        amounts = np.linalg.lstsq(matrix, flat, rcond=1e-10)[0]
        flat = flat - matrix @ amounts
        for (i, a, b), amount in zip(places, amounts, strict=True):
            rotations[i][a, b], rotations[i][b, a] = amount, -amount
    return rotations, float(np.linalg.norm(flat)) / rate
