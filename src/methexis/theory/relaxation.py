"""Relaxation spectrum of the entropic flow at the Platonic point: how long a run must be.

Linearised, deviations along the minima decay as ``e^{-μτ/4}`` with ``μ`` the non-zero eigenvalues
of the Riemannian Hessian of ``S``, ``P (∇²S - ∇³L[H⁺∇S]) P`` (docs/theory.md §5). ``S`` and ``L``
are polynomials in the weights, so the directional derivatives that this needs come exactly from a
complex step.

Of small students the matrix is formed, and has all rates. Of larger ones the slowest rate alone is
found by Lanczos' method, from products with the matrix: what is far from zero at either end of the
spectrum is found first, and zero itself, rotations, is out of sight of a start in the range of the
matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from methexis.core.answers import computed
from methexis.core.checks import Array, MethexisError, count, number
from methexis.core.edln import EDLN
from methexis.core.layers.products import ends_of, predictor_differential, pullback
from methexis.core.linalg import flatten, unflatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.display import Displayed
from methexis.progress import Progress, Report, choose
from methexis.theory.curvature import hessian_product, whitened_jacobian
from methexis.theory.dual.normal import REACH_TOLERANCE, Normal
from methexis.theory.entropy import entropy_gradient_of
from methexis.theory.platonic import platonic_of

#: Eigenvalues below this part of the largest are rotations and dead blocks, not slow modes.
ZERO_MODE_TOLERANCE = 1e-8
_COMPLEX_STEP = 1e-30
#: Most parameters of which all rates are found.
MOST_DENSE = 1500
#: Rows by which a basis grows.
_ROWS = 100
#: Most products of Lanczos' method, and the part of the slowest eigenvalue that may be missing.
MOST_PRODUCTS, _RESIDUAL = 2000, 1e-6


@dataclass(frozen=True, eq=False)
class Relaxation(Displayed):
    """Result of `relaxation`.

    Attributes
    ----------
    eigenvalues : array (num_modes,)
        ``μ``, ascending: deviations decay as ``e^{-μτ/4}``, ``1 - alignment`` as ``e^{-μτ/2}``. Of
        a student of more than `MOST_DENSE` parameters the slowest alone.
    num_zero_modes : int or None
        Directions along which the Platonic points themselves extend; None where they were not
        counted, of such a student.
    rates : array (num_modes,)
        ``μ η²/(4B)``: decay of a deviation per SGD step.
    slowest_steps : float
        ``1 / rates[0]``: steps for the slowest deviation to fall by ``e``.
    """

    eigenvalues: Array
    num_zero_modes: int | None
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


_NONE = (
    "relaxation: expected a direction in which deviations decay, got none: the minima of this "
    "student are one point up to rotations"
)


@computed("relaxation")
def relaxation(
    source: Teacher | Samples,
    student: EDLN | MLP,
    *,
    lr: float,
    batch: int = 1,
    momentum: float = 0.0,
    loss: str = "squared",
    progress: Progress | str | bool | None = None,
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
    progress : Progress, "auto" or bool, optional
        Told of products of Lanczos' method, of which there may be `MOST_PRODUCTS`, where not all
        rates are found.

    Raises
    ------
    ConditionError
        If a condition of the theorem fails.
    MethexisError
        On bad numbers or shapes, or if the slowest rate is not found.

    Examples
    --------
    >>> spectrum = relaxation(Teacher([[1.0], [0.0]]), EDLN(hidden=(1,)), lr=0.01)
    >>> spectrum.eigenvalues.round(6).tolist()
    [21.333333]
    """
    lr = number("lr", lr, above=0.0)
    momentum = number("momentum", momentum, least=0.0, below=1.0)
    batch = count("batch", batch, least=1)
    problem = theory_problem(source, student, loss)
    zero: int | None = None
    weights = platonic_of(problem).weights
    if problem.num_parameters > MOST_DENSE:
        alive = np.array([slowest_eigenvalue(problem, weights, progress)])
    else:
        values = relaxation_eigenvalues(problem, weights)
        if not values.size or not values[-1] > 0.0:
            raise MethexisError(_NONE)
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


class _OnTangent:
    """Products with ``P (∇²S - ∇³L[H⁺∇S]) P``, which is not formed."""

    def __init__(self, problem: Problem, weights: Sequence[Array]) -> None:
        self.problem, self.weights = problem, weights
        self.normal = Normal(problem, weights)
        self._ends = ends_of(problem, weights)
        force = self._moved(entropy_gradient_of(problem, weights))
        # H = 2 JᵀJ on the normal space
        self._along = self._pulled(0.5 * self.normal.solve(self.normal.solve(force)))

    def _moved(self, vectors: Sequence[Array]) -> Array:
        root = self.problem.root_x
        moved = predictor_differential(self.problem, self.weights, vectors, self._ends)
        return np.asarray(moved @ root)

    def _pulled(self, whitened: Array) -> list[Array]:
        return pullback(self.problem, self.weights, whitened @ self.problem.root_x, self._ends)

    def tangent(self, flat: Array) -> Array:
        """The part of a direction along the minima."""
        normal = self.normal.solve(self._moved(unflatten(flat, self.problem.dims)))
        return np.asarray(flat - flatten(self._pulled(normal)))

    def __call__(self, flat: Array) -> Array:
        """The matrix times a direction."""
        step = 1j * _COMPLEX_STEP
        directions = unflatten(self.tangent(flat), self.problem.dims)
        moved = [w + step * d for w, d in zip(self.weights, directions, strict=True)]
        second = flatten([g.imag for g in entropy_gradient_of(self.problem, moved)])
        third = flatten([g.imag for g in hessian_product(self.problem, moved, self._along)])
        return self.tangent((second - third) / _COMPLEX_STEP)


def slowest_eigenvalue(
    problem: Problem, weights: Sequence[Array], progress: Progress | str | bool | None = None
) -> float:
    """The least eigenvalue that is not zero, by Lanczos' method with full orthogonality.

    Raises
    ------
    MethexisError
        If there is none, or it is not found.
    """
    show = choose(progress)
    product = _OnTangent(problem, weights)
    count = problem.num_parameters
    # A start in the range of the matrix: rotations are not in it.
    start = product(np.random.default_rng(0).standard_normal(count))
    length = float(np.linalg.norm(start))
    if not length > 0.0:
        raise MethexisError(_NONE)
    basis = np.empty((_ROWS, count))
    basis[0] = start / length
    diagonal: list[float] = []
    off: list[float] = []
    for k in range(min(count, MOST_PRODUCTS)):
        show(Report(k, MOST_PRODUCTS, float("nan")))
        moved = product(basis[k])
        diagonal.append(float(basis[k] @ moved))
        done = basis[: k + 1]
        for _ in range(2):  # twice is enough for orthogonality to rounding
            moved = moved - done.T @ (done @ moved)
        norm = float(np.linalg.norm(moved))
        ended = norm <= 1e-13 * max(np.abs(diagonal))
        if k % 20 == 19 or ended:
            values, vectors = scipy.linalg.eigh_tridiagonal(diagonal, off)
            alive = np.flatnonzero(values > ZERO_MODE_TOLERANCE * values[-1])
            if not len(alive):
                raise MethexisError(_NONE)
            least = int(alive[0])
            if ended or norm * abs(vectors[-1, least]) <= _RESIDUAL * values[least]:
                show(Report(MOST_PRODUCTS, MOST_PRODUCTS, float("nan")))
                return float(values[least])
        off.append(norm)
        if k + 1 == len(basis):
            basis = np.concatenate([basis, np.empty((_ROWS, count))])
        basis[k + 1] = moved / norm
    raise MethexisError(
        f"relaxation: expected the slowest rate after {MOST_PRODUCTS} products, got none: rates "
        "are too far apart; measure a run instead"
    )
