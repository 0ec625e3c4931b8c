r"""The linearised dynamics of large students: its products with a few directions, not its matrix.

`steady` needs of ``A = Π (Dv - Ω) Π``, with ``Π`` onto directions along the minima that are no
rotations, implicit steps ``(1/h - A) δ = u`` and the rates that are slowest. Both are seen in the
space that ``A`` spans from one vector (Arnoldi): a step for every ``h`` in that of ``u``, since a
shift spans nothing new, and the slowest rates in that of a vector in the range of ``A``, where
directions that neither decay nor grow are out of sight. A product is one difference of velocities.

What is normal to the minima is taken off by `theory.dual.normal`. The rotation that comes nearest
to a direction solves ``GᵀG Ω = Gᵀv`` for antisymmetric ``Ω_i``, ``GΩ = Ω_iW_i - W_iΩ_{i-1}``. That
is done by conjugate gradients, whose diagonal blocks ``S_iΩ + ΩS_i``, with ``S_i = (W_iW_iᵀ +
W_{i+1}ᵀW_{i+1})/2``, are inverted in the eigenvectors of ``S_i``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.core.linalg import flatten, unflatten
from methexis.core.parallel.caching import cached_property
from methexis.core.problem import Problem
from methexis.theory.dual.normal import Normal
from methexis.theory.fixed_points.frames import DIFFERENCE, ZERO_RATE, Frame, turn
from methexis.theory.flow import Velocity
from methexis.theory.projection import polish

#: Most vectors that are spanned, vectors between looks, and residuals at which a step and a rate
#: are known.
_MOST_VECTORS, _LOOK = 600, 10
STEP_RESIDUAL, RATE_RESIDUAL = 1e-3, 1e-4
#: Residual of rotations, most products for one, and length of one that moves nothing.
_TURNED, _MOST_TURNS, _NOTHING = 1e-12, 400, 1e-10

Product = Callable[[Array], Array]


class Span:
    """The space that a matrix spans from a vector, as far as somebody asks."""

    def __init__(self, product: Product, start: Array) -> None:
        self.product = product
        self.length = float(np.linalg.norm(start))
        self.basis = start[None] / self.length if self.length > 0.0 else np.zeros((0, start.size))
        self._columns: list[Array] = []
        self.ended = self.length == 0.0

    def grow(self) -> None:
        """One more product, of the last vector."""
        k = len(self._columns)
        if k + 1 >= len(self.basis):  # room for as many again
            more = np.empty((max(2 * _LOOK, len(self.basis)), self.basis.shape[1]))
            self.basis = np.concatenate([self.basis[: k + 1], more])
        moved = self.product(self.basis[k])
        size = float(np.linalg.norm(moved))
        done = self.basis[: k + 1]
        column = np.zeros(k + 2)
        for _ in range(2):  # twice is enough for orthogonality to rounding
            parts = done @ moved
            moved = moved - parts @ done
            column[: k + 1] += parts
        column[k + 1] = np.linalg.norm(moved)
        self._columns.append(column)
        self.ended = not column[k + 1] > 1e-13 * size
        if not self.ended:
            self.basis[k + 1] = moved / column[k + 1]

    @property
    def size(self) -> int:
        """How many products were taken so far."""
        return len(self._columns)

    @property
    def matrix(self) -> tuple[Array, float]:
        """The matrix in the vectors so far, and what its last one leads out of them."""
        m = self.size
        matrix = np.zeros((m, m))
        for k, column in enumerate(self._columns):
            matrix[: min(k + 2, m), k] = column[: min(k + 2, m)]
        return matrix, 0.0 if self.ended else float(self._columns[-1][-1])

    def step(self, stretch: float) -> Array:
        """``(1/stretch - A)⁻¹`` times the vector that the space began with."""
        if self.length == 0.0:
            return np.zeros(self.basis.shape[1])
        while True:
            if self.size and (self.size % _LOOK == 0 or self.ended):
                matrix, rest = self.matrix
                right = np.zeros(self.size)
                right[0] = self.length
                parts = np.linalg.lstsq(np.eye(self.size) / stretch - matrix, right, rcond=None)[0]
                known = rest * abs(parts[-1]) <= STEP_RESIDUAL * self.length
                if known or self.ended or self.size >= _MOST_VECTORS:
                    return np.asarray(parts @ self.basis[: self.size])
            self.grow()

    def slowest(self, nothing: float) -> tuple[complex, Array]:
        """The eigenvalue with the greatest real part that is not zero, and its mode.

        Raises
        ------
        MethexisError
            If it is not found.
        """
        if self.length == 0.0:
            return 0.0, np.zeros(self.basis.shape[1])
        while True:
            if self.size and (self.size % (2 * _LOOK) == 0 or self.ended):
                matrix, rest = self.matrix
                values, vectors = np.linalg.eig(matrix)
                alive = np.abs(values.real) > nothing * np.abs(values).max()
                if not alive.any():
                    return 0.0, np.zeros(self.basis.shape[1])
                k = int(np.argmax(np.where(alive, values.real, -np.inf)))
                if rest * abs(vectors[-1, k]) <= RATE_RESIDUAL * abs(values[k]):
                    mode = (vectors[:, k] @ self.basis[: self.size]).real
                    return complex(values[k]), np.asarray(mode)
                if self.size >= _MOST_VECTORS:
                    raise MethexisError(
                        f"slow dynamics: expected the slowest rate of an end after {_MOST_VECTORS} "
                        "products, got none: rates are too far apart; take a smaller student"
                    )
            self.grow()


class Turning:
    """The directions in which hidden bases turn, at one set of weights."""

    def __init__(self, weights: Sequence[Array]) -> None:
        self.weights = weights
        pairs = itertools.pairwise(weights)
        self._blocks = [np.linalg.eigh((w @ w.T + v.T @ v) / 2.0) for w, v in pairs]

    def turned(self, rotations: Sequence[Array]) -> list[Array]:
        """The direction ``Ω_i W_i - W_i Ω_{i-1}`` of every layer."""
        moved = [np.zeros_like(w) for w in self.weights]
        for i, rotation in enumerate(rotations):
            moved[i] += rotation @ self.weights[i]
            moved[i + 1] -= self.weights[i + 1] @ rotation
        return moved

    def pulled(self, directions: Sequence[Array]) -> list[Array]:
        """The adjoint of `turned`: the antisymmetric part of ``V_iW_iᵀ - W_{i+1}ᵀV_{i+1}``."""
        result = []
        for i in range(len(self.weights) - 1):
            part = directions[i] @ self.weights[i].T - self.weights[i + 1].T @ directions[i + 1]
            result.append((part - part.T) / 2.0)
        return result

    def _inverted(self, parts: Sequence[Array]) -> list[Array]:
        result = []
        for (values, vectors), part in zip(self._blocks, parts, strict=True):
            sums = values[:, None] + values[None, :]
            alive = sums > _NOTHING * sums.max(initial=0.0)
            inner = vectors.T @ part @ vectors
            solved = np.where(alive, inner / np.where(alive, sums, 1.0), 0.0)
            result.append(vectors @ solved @ vectors.T)
        return result

    def nearest(self, directions: Sequence[Array]) -> list[Array]:
        """Antisymmetric ``Ω_i`` whose rotation comes nearest to a direction."""
        rest = self.pulled(directions)
        nearest = [np.zeros_like(r) for r in rest]
        ahead = self._inverted(rest)
        direction, power = ahead, _product(rest, ahead)
        enough = _TURNED**2 * power
        for _ in range(_MOST_TURNS):
            if not power > enough:
                break
            moved = self.pulled(self.turned(direction))
            curved = _product(direction, moved)
            if not curved > 0.0:
                break
            length = power / curved
            nearest = [f + length * d for f, d in zip(nearest, direction, strict=True)]
            rest = [r - length * m for r, m in zip(rest, moved, strict=True)]
            ahead = self._inverted(rest)
            following = _product(rest, ahead)
            direction = [a + (following / power) * d for a, d in zip(ahead, direction, strict=True)]
            power = following
        return nearest

    def without(self, directions: Sequence[Array]) -> list[Array]:
        """A direction without the rotation that comes nearest to it."""
        turned = self.turned(self.nearest(directions))
        return [d - t for d, t in zip(directions, turned, strict=True)]


def _product(a: Sequence[Array], b: Sequence[Array]) -> float:
    return float(sum(np.vdot(x, y) for x, y in zip(a, b, strict=True)))


class LargeFrame(Frame):
    """A point of the minima, its velocity, and the frame that turns with it, without matrices."""

    def __init__(
        self, problem: Problem, velocity: Velocity, state: Array, unit: float, turning: bool
    ) -> None:
        self.problem, self.velocity, self.state, self.unit = problem, velocity, state, unit
        self.turning = turning
        weights = unflatten(state, problem.dims)
        self._normal = Normal(problem, weights)
        self._turning = Turning(weights)
        moving = [np.asarray(v) for v in velocity(weights)]
        self.rotations = [np.zeros((width, width)) for width in problem.dims[1:-1]]
        if turning:
            self.rotations = self._turning.nearest(moving)
        turned = self._turning.turned(self.rotations)
        self.rest = flatten([v - t for v, t in zip(moving, turned, strict=True)])
        self.speed = float(np.linalg.norm(self.rest))

    def step(self, stretch: float) -> Array:
        """Implicit Euler step of the given length of slow time."""
        return self._ahead.step(stretch)

    @cached_property
    def rates(self) -> Array:
        """The slowest decay rate that is not zero, of none where all are."""
        rate = -self._slowest[0].real
        return np.array([rate]) if rate else np.zeros(0)

    def beside(self, kick: float) -> Array:
        """Weights on the minima, off this point along what grows fastest and all else besides."""
        mode, other = self._slowest[1], self._any()
        moved = mode / np.linalg.norm(mode) + other / np.linalg.norm(other)
        moved *= kick * float(np.linalg.norm(self.state)) / float(np.linalg.norm(moved))
        return flatten(polish(self.problem, unflatten(self.state + moved, self.problem.dims)))

    @cached_property
    def _ahead(self) -> Span:
        """What the linearised dynamics spans from the velocity that is left."""
        return Span(self._moved, self._along(self.rest))

    @cached_property
    def _slowest(self) -> tuple[complex, Array]:
        """The slowest eigenvalue of ``A`` and its mode."""
        return Span(self._moved, self._moved(self._any())).slowest(ZERO_RATE)

    def _any(self) -> Array:
        """A direction along the minima that is no rotation, and none in particular."""
        return self._along(np.random.default_rng(0).standard_normal(self.state.size))

    def _along(self, flat: Array) -> Array:
        """The part of a direction along the minima that is no rotation."""
        tangent = self._normal.tangent(unflatten(flat, self.problem.dims))
        return flatten(self._turning.without(tangent) if self.turning else tangent)

    def _moved(self, direction: Array) -> Array:
        """``A`` times a direction, by a difference of velocities."""
        along = self._along(direction)
        size = float(np.linalg.norm(along))
        if size == 0.0:
            return along
        epsilon = DIFFERENCE * float(np.abs(self.state).max()) / size
        sides = self.state + epsilon * np.stack([along, -along])
        ahead, behind = flatten(self.velocity(unflatten(sides, self.problem.dims)))
        change = (ahead - behind) / (2.0 * epsilon)
        frame = flatten(turn(self.rotations, unflatten(along, self.problem.dims)))
        return self._along(change - frame)
