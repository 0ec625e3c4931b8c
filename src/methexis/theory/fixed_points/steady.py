r"""Where slow dynamics ends: a point of the minima that only turns, found by Newton's method.

On slow time the weights move along the minima with a velocity ``v(θ)`` that knows no hidden basis:
``v(Rθ) = R v(θ)`` for rotations ``R`` of the hidden layers. It may therefore end in a steady
rotation, ``v = Ωθ``, at which all kernels stand still. Such an end is a zero of ``u = v - Ωθ`` with
``Ω`` by least squares, and unique only up to rotations. Let ``T`` span the directions along the
minima that are not rotations. In the frame that turns with ``Ω`` a deviation ``Tδ`` moves by ``δ' =
Aδ`` with

    A = Tᵀ (Dv - Ω) T,

since rotations are mapped to rotations. The search takes implicit steps ``(1/h - A) δ = Tᵀu``: with
small ``h`` it follows the path of the slow dynamics, with growing ``h`` it becomes Newton's method.
The eigenvalues of ``A`` at the end are the rates at which a run approaches it (docs/theory.md
§5.9).

*Ends that are none.* A zero of ``u`` with an eigenvalue of positive real part ``μ`` is where no run
stays. Long implicit steps find such zeros as readily as others, since ``(1/h - A)⁻¹`` turns round
once ``hμ > 1``. A start with dead spare neurons, as the Platonic point of a wide student, leads to
one wherever a spare neuron would grow: both its weights are exactly zero, and a zero gradient never
shows that. The search therefore looks at the rates of what it found, steps off along the mode that
grows, and goes on with ``hμ`` held below one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError
from methexis.core.linalg import flatten, unflatten
from methexis.core.parallel.caching import cached_property
from methexis.core.problem import Problem
from methexis.display import Displayed
from methexis.theory.curvature import one_set, whitened_jacobian
from methexis.theory.entropy import entropy_gradient_of
from methexis.theory.flow import Velocity
from methexis.theory.normal import REACH_TOLERANCE
from methexis.theory.projection import polish, project_of

#: Speed left, over that of the whole entropic force, at which a point counts as an end.
TOLERANCE = 1e-8
#: Rates below this part of the largest are directions along which ends extend (dead blocks).
ZERO_RATE = 1e-6
#: Longest step of the search, and step of the differences, over the size of the weights: central
#: differences are off by the square of the latter, and rounding by 1e-16 over it.
_LONGEST, _DIFFERENCE = 0.2, 1e-5
#: Newton's step from an end, over the size of the weights: 1e-8 of speed is left there, and modes
#: ten thousand times slower than the unit of speed still count as having one.
_NEAR = 1e-4
#: Kicks off steady states that no run stays at, over the size of the weights: large enough that a
#: few steps of the search lead away, small enough for the minima to be projected onto.
_KICKS = (0.03, 0.1, 0.2, 0.3)
#: Longest step of slow time while a mode grows, over the time in which it grows by ``e``: an
#: implicit step multiplies it by 4/3 then.
_SHORT = 0.25
_MOST_STEPS = 200


@dataclass(frozen=True, eq=False)
class FixedPoint(Displayed):
    """Where slow dynamics ends: a point up to a steady rotation of the hidden bases.

    Attributes
    ----------
    weights : list of arrays (d_i, d_{i-1})
        One set of weights on the steady rotation.
    rotations : list of arrays (d_i, d_i)
        Antisymmetric ``Ω_i``: ``dW_i/dτ = Ω_i W_i - W_i Ω_{i-1}``. All zero for isotropic noise.
    error : float
        Speed that no rotation explains, over that of the whole entropic force; at most 1e-8.
    rates : array (num_modes,)
        Ascending and positive: deviations of the kernels decay as ``e^{-rate τ}``; real parts,
        where a mode turns as it decays.
    """

    weights: list[Array]
    rotations: list[Array]
    error: float
    rates: Array

    @property
    def slowest_time(self) -> float:
        """Slow time in which the slowest deviation falls by ``e``."""
        return float(1.0 / self.rates[0])


def fixed_point_of(
    problem: Problem,
    velocity: Velocity,
    weights: Sequence[Array],
    name: str,
    *,
    turning: bool = True,
    unit: float | None = None,
) -> FixedPoint:
    """Follow ``velocity`` from ``weights`` to its end.

    Parameters
    ----------
    turning : bool
        Whether a steady rotation of the hidden bases counts as an end. Not where the dynamics
        knows the basis: then weights have to stand still.
    unit : float, optional
        Unit of speed; the size of the whole entropic force at the start by default.

    Raises
    ------
    MethexisError
        If there is none within reach; ``name`` says of what.
    """
    one_set(name, weights)
    state = flatten(project_of(problem, weights))
    if unit is None:
        # The whole entropic force, most of it normal to the minima.
        force = entropy_gradient_of(problem, unflatten(state, problem.dims))
        unit = 0.25 * float(np.linalg.norm(flatten(force)))
    if not 0.0 < unit < np.inf:
        raise MethexisError(
            f"{name}: expected an entropic force at the start, got one of size {unit:g}: without "
            "noise, or beyond the range of double precision, nothing drifts"
        )
    end = _followed(_Frame(problem, velocity, state, unit, turning), short=False)
    if not end.resting:
        raise MethexisError(
            f"{name}: expected a steady state within {_MOST_STEPS} steps of the search, but a "
            f"relative speed of {end.speed / unit:.2g} is left"
        )
    for kick in _KICKS:
        if end.growth <= 0.0:
            break
        other = _followed(end.at(end.beside(kick)), short=True)
        end = other if other.resting else end
    if end.growth > 0.0:
        raise MethexisError(
            f"{name}: expected a steady state at which all deviations die out, got one at which a "
            f"deviation grows by e in slow time {1.0 / end.growth:.2g}, and none beside it; give "
            "other weights to start from"
        )
    return FixedPoint(
        unflatten(end.state, problem.dims), end.rotations, end.speed / unit, end.rates
    )


def _followed(at: _Frame, *, short: bool) -> _Frame:
    """Where the search comes to, at rest or not; with ``short`` steps, not where modes grow."""
    dims = at.problem.dims
    stretch = 0.1 * float(np.linalg.norm(at.state)) / max(at.speed, 1e-300)
    for _ in range(_MOST_STEPS):
        if at.resting:
            break
        if short and at.growth > 0.0:
            stretch = min(stretch, _SHORT / at.growth)
        step = at.step(stretch)
        size = float(np.linalg.norm(step)) / float(np.linalg.norm(at.state))
        if size > _LONGEST:
            stretch *= 0.5 * _LONGEST / size
            continue
        following = at.at(flatten(polish(at.problem, unflatten(at.state + step, dims))))
        if not following.speed <= 2.0 * at.speed:
            stretch *= 0.25
            continue
        stretch *= 3.0
        at = following
    return at


class _Frame:
    """A point of the minima, its velocity, and the frame that turns with it."""

    def __init__(
        self, problem: Problem, velocity: Velocity, state: Array, unit: float, turning: bool
    ) -> None:
        self.problem, self.velocity, self.state, self.unit = problem, velocity, state, unit
        self.turning = turning
        weights = unflatten(state, problem.dims)
        generators = _generators(problem.dims[1:-1], turning)
        turned = flatten(_turn(generators, weights))  # one row per generator
        moving = flatten(velocity(weights))
        amounts = np.linalg.lstsq(turned.T, moving, rcond=1e-10)[0]
        self.rotations = [
            np.tensordot(amounts, generator, axes=1) + 0.0 for generator in generators
        ]
        self.rest = moving - amounts @ turned
        self.speed = float(np.linalg.norm(self.rest))
        self._turned = turned

    def at(self, state: Array) -> _Frame:
        """The frame of other weights on the minima."""
        return _Frame(self.problem, self.velocity, state, self.unit, self.turning)

    @cached_property
    def resting(self) -> bool:
        """Whether weights stand still, up to a rotation, and Newton's step from them is short.

        Where weights creep for ever it never is.
        """
        if self.speed > TOLERANCE * self.unit:
            return False
        step = float(
            np.linalg.norm(self.step(1e12 * float(np.linalg.norm(self.state)) / self.unit))
        )
        return step <= _NEAR * float(np.linalg.norm(self.state))

    def step(self, stretch: float) -> Array:
        """Implicit Euler step of the given length of slow time."""
        basis, matrix = self._linearised
        rest = basis @ self.rest
        return np.asarray(np.linalg.solve(np.eye(len(basis)) / stretch - matrix, rest) @ basis)

    @cached_property
    def rates(self) -> Array:
        """Decay rates of deviations, ascending, without those that are zero."""
        rates = np.sort(-self._modes[0].real)
        return np.asarray(rates[np.abs(rates) > ZERO_RATE * np.abs(rates).max(initial=0.0)])

    @property
    def growth(self) -> float:
        """Rate of the deviation that grows fastest, zero if none does."""
        return max(-float(self.rates[0]), 0.0) if len(self.rates) else 0.0

    def beside(self, kick: float) -> Array:
        """Weights on the minima, off this point along what grows fastest and all else besides.

        The mode that grows fastest may leave other spare neurons dead, and what a dead neuron would
        do is not seen on the way. So half of the kick is in no direction in particular.
        """
        basis, (values, vectors) = self._linearised[0], self._modes
        mode = vectors[:, int(np.argmax(values.real))].real
        other = np.random.default_rng(0).standard_normal(len(mode))
        moved = (mode / np.linalg.norm(mode) + other / np.linalg.norm(other)) @ basis
        moved *= kick * float(np.linalg.norm(self.state)) / float(np.linalg.norm(moved))
        return flatten(polish(self.problem, unflatten(self.state + moved, self.problem.dims)))

    @cached_property
    def _modes(self) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """Eigenvalues and eigenvectors of ``A``."""
        values, vectors = np.linalg.eig(self._linearised[1])
        return values.astype(np.complex128), vectors.astype(np.complex128)

    @cached_property
    def _linearised(self) -> tuple[Array, Array]:
        """The linearised dynamics: ``Tᵀ`` and ``A``."""
        weights = unflatten(self.state, self.problem.dims)
        basis = self._directions(weights)
        epsilon = _DIFFERENCE * float(np.abs(self.state).max())
        sides = self.state + epsilon * np.stack([basis, -basis])
        ahead, behind = flatten(self.velocity(unflatten(sides, self.problem.dims)))
        change = (ahead - behind) / (2.0 * epsilon)
        frame = flatten(
            _turn([r[None] for r in self.rotations], unflatten(basis, self.problem.dims))
        )
        return basis, basis @ (change - frame).T

    def _directions(self, weights: list[Array]) -> Array:
        """Orthonormal rows along the minima and across the hidden rotations."""
        _, s, q = np.linalg.svd(whitened_jacobian(self.problem, weights), full_matrices=True)
        normal = int(np.sum(s**2 > REACH_TOLERANCE * s[0] ** 2))
        fixed = q[:normal]
        if len(self._turned):
            _, s, rows = np.linalg.svd(self._turned, full_matrices=False)
            fixed = np.concatenate([fixed, rows[s > 1e-10 * s[0]]])
        _, _, q = np.linalg.svd(fixed, full_matrices=True)
        return np.asarray(q[len(fixed) :])


def _generators(widths: Sequence[int], turning: bool) -> list[Array]:
    """Elementary rotations of the hidden layers, ``(generator, d_i, d_i)`` per layer, if any."""
    places = [
        (i, a, b)
        for i, width in enumerate(widths if turning else ())
        for a in range(width)
        for b in range(a)
    ]
    result = [np.zeros((len(places), width, width)) for width in widths]
    for k, (i, a, b) in enumerate(places):
        result[i][k, a, b], result[i][k, b, a] = 1.0, -1.0
    return result


def _turn(rotations: Sequence[Array], weights: Sequence[Array]) -> list[Array]:
    """``Ω_i W_i - W_i Ω_{i-1}``."""
    result = []
    for i, w in enumerate(weights):
        moved = np.zeros(np.broadcast_shapes(rotations[0].shape[:-2], w.shape[:-2]) + w.shape[-2:])
        if i < len(rotations):
            moved = moved + rotations[i] @ w
        if i > 0:
            moved = moved - w @ rotations[i - 1]
        result.append(moved)
    return result
