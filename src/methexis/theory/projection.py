"""Projection of weights onto the minima of the loss, and onto their tangent space.

Gradient flow of ``L`` keeps every charge and lands on the minima. It is stiff. Any velocity of the
form ``dW_i = A_iᵀ X B_iᵀ`` keeps the charges, because then ``W_{i+1}ᵀ dW_{i+1} = dW_i W_iᵀ``; the
choice ``X`` that moves ``F`` straight to ``V`` (``dθ/du = -J⁺ (F_0 - V)``, ``u`` from 0 to 1) is not
stiff. Charges and ``F`` fix the weights up to rotations, so both end at the same kernels
(docs/theory.md §5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.charges import charges
from methexis.core.checks import Array, MethexisError, weight_list
from methexis.core.edln import EDLN
from methexis.core.linalg import flatten, sqrt_psd, squared_norm, unflatten
from methexis.core.problem import Problem
from methexis.core.products import after, before, predictor, predictor_differential, pullback
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher

#: Relative eigenvalue of ``J Jᵀ`` below which a direction of ``F`` counts as out of reach.
REACH_TOLERANCE = 1e-11
_CHARGE_TOLERANCE = 1e-9
_MAX_SUBSTEPS = 2048


class Normal:
    """The normal space of the minima at ``weights``: ``J J^T`` factored once, batched.

    ``J = dF/dθ`` whitened by ``Σx^{1/2}``; ``J Jᵀ`` is the ``(p n, p n)`` matrix
    ``Σ_i (A_iA_iᵀ) ⊗ (Σx^{1/2} B_iᵀB_i Σx^{1/2})``.

    Attributes
    ----------
    values, vectors : arrays (..., K), (..., K, K)
        Its eigenvalues ``s²`` (ascending) and eigenvectors.
    alive : array (..., K)
        Which eigenvalues are not zero.
    """

    def __init__(self, problem: Problem, weights: Sequence[Array]) -> None:
        self.problem = problem
        self.weights = weights
        self.root = sqrt_psd(problem.cov_x)
        total: Array | None = None
        for a, b in zip(after(problem, weights), before(problem, weights), strict=True):
            c = b @ self.root
            outer, inner = a @ a.mT, c.mT @ c
            term = outer[..., :, None, :, None] * inner[..., None, :, None, :]
            size = outer.shape[-1] * inner.shape[-1]
            block = term.reshape(*term.shape[:-4], size, size)
            total = block if total is None else total + block
        assert total is not None
        self.values, self.vectors = np.linalg.eigh(total)
        self.alive = self.values > REACH_TOLERANCE * self.values[..., -1:]

    def solve(self, whitened: Array) -> Array:
        """``(J Jᵀ)⁺`` applied to ``(..., p, n)`` whitened changes of ``F``."""
        flat = whitened.reshape(*whitened.shape[:-2], -1, 1)
        inverse = np.where(self.alive, 1.0 / np.where(self.alive, self.values, 1.0), 0.0)
        solved = self.vectors @ (inverse[..., None] * (self.vectors.mT @ flat))
        return np.asarray(solved.reshape(*solved.shape[:-2], *whitened.shape[-2:]))

    def lift(self, whitened: Array) -> list[Array]:
        """``J⁺``: the least change of the weights that changes ``F Σx^{1/2}`` as given."""
        return pullback(self.problem, self.weights, self.solve(whitened) @ self.root)

    def tangent(self, vectors: Sequence[Array]) -> list[Array]:
        """Projection ``P`` of parameter vectors onto the kernel of ``J``."""
        moved = predictor_differential(self.problem, self.weights, vectors) @ self.root
        return [v - n for v, n in zip(vectors, self.lift(moved), strict=True)]


def project_of(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """`project` for a folded problem; leading dimensions are independent replicas.

    Replicas with non-finite weights stay as they are. Substeps double until the charges are kept
    to 1e-9 and the loss is at its minimum.

    Raises
    ------
    MethexisError
        If a replica does not reach the minima (a saddle in the way, or too narrow a network).
    """
    shape = weights[0].shape[:-2]
    result = flatten(weights).reshape(-1, problem.num_parameters).copy()
    todo = np.flatnonzero(np.isfinite(result).all(axis=-1))
    start = result.copy()
    substeps = 4
    while len(todo):
        layers = unflatten(start[todo], problem.dims)
        with np.errstate(all="ignore"):
            moved = _homotopy(problem, layers, substeps)
            good = _landed(problem, layers, moved)
        result[todo[good]] = flatten(moved)[good]
        todo = todo[~good]
        substeps *= 2
        if len(todo) and substeps > _MAX_SUBSTEPS:
            raise MethexisError(
                f"projection onto the minima: expected to reach them, but {len(todo)} of "
                f"{len(result)} weight sets did not within {_MAX_SUBSTEPS} substeps; start from "
                "weights that are not at a saddle (some layer of too low rank)"
            )
    return unflatten(result.reshape(*shape, -1), problem.dims)


def _homotopy(problem: Problem, weights: list[Array], substeps: int) -> list[Array]:
    """Classical Runge-Kutta on ``dθ/du = -J⁺ (F_0 - V)``, then Newton steps to rounding."""
    root = sqrt_psd(problem.cov_x)

    def move(base: list[Array], by: list[Array], factor: float) -> list[Array]:
        return [w + factor * d for w, d in zip(base, by, strict=True)]

    def velocity(at: list[Array], gap: Array) -> list[Array]:
        return Normal(problem, at).lift(-gap)

    gap = (predictor(problem, weights) - problem.target) @ root
    step = 1.0 / substeps
    for _ in range(substeps):
        k1 = velocity(weights, gap)
        k2 = velocity(move(weights, k1, step / 2), gap)
        k3 = velocity(move(weights, k2, step / 2), gap)
        k4 = velocity(move(weights, k3, step), gap)
        weights = [
            w + step / 6 * (a + 2 * b + 2 * c + d)
            for w, a, b, c, d in zip(weights, k1, k2, k3, k4, strict=True)
        ]
    for _ in range(3):
        gap = (predictor(problem, weights) - problem.target) @ root
        weights = move(weights, velocity(weights, gap), 1.0)
    return weights


def _landed(problem: Problem, start: list[Array], end: list[Array]) -> Array:
    gap = (predictor(problem, end) - problem.target) @ sqrt_psd(problem.cov_x)
    size = np.sqrt(squared_norm(problem.target @ sqrt_psd(problem.cov_x)))
    good = np.sqrt(squared_norm(gap)) <= 1e-9 * size
    for before_, after_, layer in zip(charges(start), charges(end), start, strict=False):
        scale = squared_norm(layer) + 1.0
        good &= np.sqrt(squared_norm(after_ - before_)) <= _CHARGE_TOLERANCE * scale
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
