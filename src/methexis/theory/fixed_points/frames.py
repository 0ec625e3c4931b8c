"""A point of the minima in the frame that turns with it, and how deviations from it move.

Of small students: the linearised dynamics ``A`` of `steady` is a matrix, by differences of the
velocity along all directions. `krylov` has the same of large ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.linalg import flatten, unflatten
from methexis.core.parallel.caching import cached_property
from methexis.core.problem import Problem
from methexis.theory.curvature import whitened_jacobian
from methexis.theory.dual.normal import REACH_TOLERANCE
from methexis.theory.flow import Velocity
from methexis.theory.projection import polish

#: Speed left, over that of the whole entropic force, at which a point counts as an end.
TOLERANCE = 1e-8
#: Rates below this part of the largest are directions along which ends extend (dead blocks).
ZERO_RATE = 1e-6
#: Step of the differences over the size of the weights: central differences are off by its square,
#: and rounding by 1e-16 over it.
DIFFERENCE = 1e-5
#: Newton's step from an end, over the size of the weights: 1e-8 of speed is left there, and modes
#: ten thousand times slower than the unit of speed still count as having one.
_NEAR = 1e-4
#: Numbers that velocities may hold at once, at the square of parameters or of the predictor's
#: entries for each.
_AT_ONCE = 2**24


class Frame:
    """A point of the minima, its velocity, and the frame that turns with it."""

    def __init__(
        self, problem: Problem, velocity: Velocity, state: Array, unit: float, turning: bool
    ) -> None:
        self.problem, self.velocity, self.state, self.unit = problem, velocity, state, unit
        self.turning = turning
        weights = unflatten(state, problem.dims)
        generators = _generators(problem.dims[1:-1], turning)
        turned = flatten(turn(generators, weights))  # one row per generator
        moving = flatten(velocity(weights))
        amounts = np.linalg.lstsq(turned.T, moving, rcond=1e-10)[0]
        self.rotations = [
            np.tensordot(amounts, generator, axes=1) + 0.0 for generator in generators
        ]
        self.rest = moving - amounts @ turned
        self.speed = float(np.linalg.norm(self.rest))
        self._turned = turned

    def at(self, state: Array) -> Self:
        """The frame of other weights on the minima."""
        return type(self)(self.problem, self.velocity, state, self.unit, self.turning)

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
        epsilon = DIFFERENCE * float(np.abs(self.state).max())
        most = max(self.problem.num_parameters, self.problem.target.size)
        rows = max(1, _AT_ONCE // most**2)  # what a velocity may hold of each
        change = np.empty_like(basis)
        for begin in range(0, len(basis), rows):
            part = epsilon * basis[begin : begin + rows]
            sides = self.state + np.stack([part, -part])
            ahead, behind = flatten(self.velocity(unflatten(sides, self.problem.dims)))
            change[begin : begin + rows] = (ahead - behind) / (2.0 * epsilon)
        frame = flatten(
            turn([r[None] for r in self.rotations], unflatten(basis, self.problem.dims))
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


def turn(rotations: Sequence[Array], weights: Sequence[Array]) -> list[Array]:
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
