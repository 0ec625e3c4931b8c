"""Projection of weights onto the minima of the loss, and onto their tangent space.

Gradient flow of ``L`` keeps every charge and lands on the minima. It is stiff. Any velocity of the
form ``dW_i = A_iᵀ X B_iᵀ`` keeps the charges, because then ``W_{i+1}ᵀ dW_{i+1} = dW_i W_iᵀ``; the
choice ``X`` that moves ``F`` straight to ``V`` (``dθ/du = -J⁺ (F_0 - V)``, ``u`` from 0 to 1) is not
stiff. Charges and ``F`` fix the weights up to rotations, so both end at the same kernels
(docs/theory.md §5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np
import scipy.integrate
from numpy.typing import NDArray

from methexis.core.charges import charges
from methexis.core.checks import Array, MethexisError, weight_list
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten, sqrt_psd, squared_norm, unflatten
from methexis.core.problem import Problem
from methexis.core.products import predictor, predictor_differential, pullback
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.curvature import dual_matrix

#: Relative eigenvalue of ``J Jᵀ`` below which a direction of ``F`` counts as out of reach.
REACH_TOLERANCE = 1e-11


class Normal:
    """The normal space of the minima at ``weights``, batched over replicas.

    ``J = dF/dθ`` whitened by ``Σx^{1/2}``; its dual ``J Jᵀ`` is the ``(p n, p n)`` matrix
    ``Σ_i (A_iA_iᵀ) ⊗ (Σx^{1/2} B_iᵀB_i Σx^{1/2})``.
    """

    def __init__(self, problem: Problem, weights: Sequence[Array]) -> None:
        self.problem = problem
        self.weights = weights
        self.root = sqrt_psd(problem.cov_x)
        self.dual = dual_matrix(problem, weights)

    @cached_property
    def spectrum(self) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Eigenvalues ``s²`` (ascending) and eigenvectors of the dual, and which are not zero."""
        values, vectors = np.linalg.eigh(self.dual)
        return values, vectors, values > REACH_TOLERANCE * values[..., -1:]

    def solve(self, whitened: Array) -> Array:
        """Some ``X`` with ``J Jᵀ X`` nearest to the given ``(..., p, n)`` change of ``F Σx^{1/2}``.

        Components of ``X`` in the dual's null space do not matter: ``Jᵀ`` removes them. So plain
        elimination will do while it solves the equations, and the spectrum is the way out.
        """
        flat = whitened.reshape(*whitened.shape[:-2], -1, 1)
        size = np.trace(self.dual, axis1=-2, axis2=-1)[..., None, None]
        ridge = 1e-15 * size * np.eye(self.dual.shape[-1])
        try:
            solved = np.linalg.solve(self.dual + ridge, flat)
            missed = np.abs(self.dual @ solved - flat).max(axis=(-2, -1))
            fine = bool(np.all(missed <= 1e-9 * np.abs(flat).max(axis=(-2, -1))))
        except np.linalg.LinAlgError:
            fine = False
        if not fine:
            values, vectors, alive = self.spectrum
            inverse = np.where(alive, 1.0 / np.where(alive, values, 1.0), 0.0)
            solved = vectors @ (inverse[..., None] * (vectors.mT @ flat))
        return np.asarray(solved.reshape(*solved.shape[:-2], *whitened.shape[-2:]))

    def lift(self, whitened: Array) -> list[Array]:
        """``J⁺``: the least change of the weights that changes ``F Σx^{1/2}`` as given."""
        return pullback(self.problem, self.weights, self.solve(whitened) @ self.root)

    def tangent(self, vectors: Sequence[Array]) -> list[Array]:
        """Projection ``P`` of parameter vectors onto the kernel of ``J``."""
        moved = predictor_differential(self.problem, self.weights, vectors) @ self.root
        return [v - n for v, n in zip(vectors, self.lift(moved), strict=True)]


def project_of(
    problem: Problem, weights: Sequence[Array], *, strict: bool = True, charge_rtol: float = 1e-9
) -> list[Array]:
    """`project` for a folded problem; leading dimensions are independent replicas.

    Near the minima a few Runge-Kutta steps do; replicas for which they do not keep the charges to
    ``charge_rtol`` go to an adaptive integrator if ``strict``, and to NaN if not. Replicas with
    non-finite weights stay as they are.

    Raises
    ------
    MethexisError
        If ``strict`` and a replica does not reach the minima (a saddle in the way, or too narrow a
        network).
    """
    shape = weights[0].shape[:-2]
    start = flatten(weights).reshape(-1, problem.num_parameters)
    result = start.copy()
    todo = np.flatnonzero(np.isfinite(start).all(axis=-1))
    attempts: list[Callable[[Problem, list[Array]], list[Array]]] = [
        partial(_homotopy, substeps=n) for n in (2, 8, 32)
    ]
    if strict:
        attempts.append(partial(_adaptive_homotopy, rtol=min(1e-11, charge_rtol * 1e-2)))
    for attempt in attempts:
        if not len(todo):
            break
        layers = unflatten(start[todo], problem.dims)
        with np.errstate(all="ignore"):
            moved = attempt(problem, layers)
            good = _landed(problem, layers, moved, charge_rtol)
        result[todo[good]] = flatten(moved)[good]
        todo = todo[~good]
    if len(todo) and strict:
        raise MethexisError(
            f"projection onto the minima: expected to reach them, but {len(todo)} of {len(result)} "
            "weight sets did not; start from weights that are not at a saddle (some layer of too "
            "low rank)"
        )
    result[todo] = np.nan
    return unflatten(result.reshape(*shape, -1), problem.dims)


def _homotopy(problem: Problem, weights: list[Array], substeps: int) -> list[Array]:
    """Classical Runge-Kutta on ``dθ/du = -J⁺ (F_0 - V)``."""
    gap = _gap(problem, weights)
    step = 1.0 / substeps
    for _ in range(substeps):
        k1 = _velocity(problem, weights, gap)
        k2 = _velocity(problem, _moved(weights, k1, step / 2), gap)
        k3 = _velocity(problem, _moved(weights, k2, step / 2), gap)
        k4 = _velocity(problem, _moved(weights, k3, step), gap)
        weights = [
            w + step / 6 * (a + 2 * b + 2 * c + d)
            for w, a, b, c, d in zip(weights, k1, k2, k3, k4, strict=True)
        ]
    return _polish(problem, weights)


def _adaptive_homotopy(problem: Problem, weights: list[Array], rtol: float) -> list[Array]:
    """The same for weights far from the minima, one replica at a time."""
    flat = flatten(weights)
    ends = np.full_like(flat, np.nan)
    for row, start in enumerate(flat):
        gap = _gap(problem, unflatten(start, problem.dims))

        def rhs(_: float, state: Array, gap: Array = gap) -> Array:
            return flatten(_velocity(problem, unflatten(state, problem.dims), gap))

        solution = scipy.integrate.solve_ivp(
            rhs, (0.0, 1.0), start, method="DOP853", rtol=rtol, atol=rtol * 1e-2
        )
        if solution.success:
            ends[row] = solution.y[:, -1]
    return _polish(problem, unflatten(ends, problem.dims))


def _gap(problem: Problem, weights: list[Array]) -> Array:
    return np.asarray((predictor(problem, weights) - problem.target) @ sqrt_psd(problem.cov_x))


def _velocity(problem: Problem, weights: list[Array], gap: Array) -> list[Array]:
    return Normal(problem, weights).lift(-gap)


def _moved(weights: list[Array], by: list[Array], factor: float) -> list[Array]:
    return [w + factor * d for w, d in zip(weights, by, strict=True)]


def _polish(problem: Problem, weights: list[Array]) -> list[Array]:
    """Newton steps to rounding: each changes the charges by the square of what it moves."""
    for _ in range(3):
        weights = _moved(weights, _velocity(problem, weights, _gap(problem, weights)), 1.0)
    return weights


def _landed(
    problem: Problem, start: list[Array], end: list[Array], charge_rtol: float
) -> Array:
    gap = (predictor(problem, end) - problem.target) @ sqrt_psd(problem.cov_x)
    size = np.sqrt(squared_norm(problem.target @ sqrt_psd(problem.cov_x)))
    good = np.sqrt(squared_norm(gap)) <= 1e-9 * size
    for before_, after_, layer in zip(charges(start), charges(end), start, strict=False):
        scale = squared_norm(layer) + 1.0
        good &= np.sqrt(squared_norm(after_ - before_)) <= charge_rtol * scale
    return np.asarray(good)


def project(
    source: Teacher | Samples, student: EDLN, weights: Sequence[Array], *, loss: str = "squared"
) -> list[Array]:
    """Weights where gradient flow of ``L`` from ``weights`` would end, up to rotations.

    Keeps all charges ``W_{i+1}ᵀW_{i+1} - W_iW_iᵀ`` and reaches ``W_D…W_1 = M⁻¹VE⁻¹``. Used to
    take SGD's fluctuations off before judging alignment.

    Parameters
    ----------
    weights : sequence of arrays (..., d_i, d_{i-1})
        Leading dimensions are independent replicas.

    Raises
    ------
    MethexisError
        If the minima are not reached, or shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> found = project(Teacher([[1.0]]), EDLN(hidden=(1,)), [np.array([[2.0]]), np.array([[2.0]])])
    >>> [round(float(w[0, 0]), 9) for w in found]
    [1.0, 1.0]
    """
    problem = Problem.of(source, student, loss)
    return project_of(problem, weight_list(weights, problem.dims))
