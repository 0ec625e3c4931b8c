"""The normal space of the minima, with the projection of directions onto it and off it.

``J = dF/dθ`` whitened by ``Σx^{1/2}`` has the minima's tangent space as its kernel. All that is
asked of it goes through its dual ``J Jᵀ``, a matrix of the predictor's entries: of small students
it is formed, of others it stays the sum of Kronecker products that it is
(`theory.dual.kronecker`), and is formed only where conjugate gradients do not get there, as in
students too narrow for ``F`` to move freely.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from methexis.core.answers import finite_replicas
from methexis.core.checks import Array
from methexis.core.layers.products import Ends, ends_of, predictor_differential, pullback
from methexis.core.parallel.caching import cached_property
from methexis.core.parallel.memory import require_room
from methexis.core.problem import Problem
from methexis.theory.curvature import dual_matrix, minimum_spectrum
from methexis.theory.dual.kronecker import KroneckerSum

#: Eigenvalues, eigenvectors, and which are within reach.
Spectrum = tuple[Array, Array, NDArray[np.bool_]]

#: Relative eigenvalue of ``J Jᵀ`` below which a direction of ``F`` counts as out of reach.
REACH_TOLERANCE = 1e-11
#: Part of the trace of ``J Jᵀ`` that is added to it on the way to the minima: far below eigenvalues
#: that matter there, far above rounding.
DAMPING = 1e-9
#: Outputs times inputs from which on the dual is not formed: about where both ways take as long.
MATRIX_FREE = 400
#: Fewest outputs or inputs of such students: the other side's bases take as long as the dual else.
_FEWEST = 3
#: And from which on it is formed of one replica at a time, because a call of its own costs nothing
#: beside its elimination.
ONE_BY_ONE = 96
#: Most vectors of a Lanczos basis that cost less than the spectrum of such a dual, and least seen
#: eigenvalue over the largest: where it is less, what is hardly within reach needs the spectrum.
_CHEAP_VECTORS, _WELL_SEEN = 75, 0.03
#: Matrices of the size of the dual that its spectrum or an elimination hold at once.
_HELD = 4


def formed(problem: Problem) -> bool:
    """Whether the dual is formed, which takes no longer than conjugate gradients."""
    return min(problem.target.shape) < _FEWEST or problem.target.size < MATRIX_FREE


class Normal:
    """The normal space of the minima at ``weights``, batched over replicas.

    Its dual ``J Jᵀ`` is the ``(p n, p n)`` matrix ``Σ_i (A_iA_iᵀ) ⊗ (Σx^{1/2} B_iᵀB_i Σx^{1/2})``.
    """

    def __init__(self, problem: Problem, weights: Sequence[Array]) -> None:
        self.problem = problem
        self.weights = weights
        self.root = problem.root_x
        self.formed = formed(problem)
        self.stacked = problem.target.size < min(ONE_BY_ONE, MATRIX_FREE)

    @cached_property
    def dual(self) -> Array:
        """``J Jᵀ``, ``(..., p n, p n)``.

        Raises
        ------
        MethexisError
            If there is no room for it.
        """
        replicas = int(np.prod(self.weights[0].shape[:-2]))
        require_dual(self.problem, replicas)
        return dual_matrix(self.problem, self.weights)

    @cached_property
    def ends(self) -> Ends:
        """Partial products from both ends, ``A_i`` and ``B_i``."""
        return ends_of(self.problem, self.weights)

    @cached_property
    def operator(self) -> KroneckerSum:
        """The same, applied and inverted without being formed."""
        lefts, rights = self.ends
        return KroneckerSum(lefts, [b @ self.root for b in rights])

    @cached_property
    def spectrum(self) -> Spectrum:
        """Eigenvalues ``s²`` (ascending) and eigenvectors of the dual, and which are not zero."""
        return spectrum_of(self.dual)

    def seen_by(self, whitened: Array) -> list[Spectrum]:
        """`spectrum` as far as exponentials of the dual show it on given ``(replica, p, n)``.

        Of small students at once. Of others of one replica after another, which differ in how many
        values and columns they need.
        """
        if self.stacked:
            return [self.spectrum]
        if self.formed:
            each = self.operator.seen_by_each(whitened, _CHEAP_VECTORS, _WELL_SEEN)
            parts = [seen or self._whole(k) for k, seen in enumerate(each)]
        else:
            parts = [self.replica(k).operator.seen_by(one) for k, one in enumerate(whitened)]
        return [
            (values[None], vectors[None], (values > REACH_TOLERANCE * values[-1])[None])
            for values, vectors in parts
        ]

    def _whole(self, k: int) -> tuple[Array, Array]:
        """All eigenvalues and eigenvectors of one replica along the first dimension."""
        return spectrum_of(dual_matrix(self.problem, [w[k] for w in self.weights]))[:2]

    def replica(self, k: int | NDArray[np.bool_]) -> Normal:
        """The normal space of some replicas alone, along the first dimension."""
        return Normal(self.problem, [w[k] for w in self.weights])

    def solve(self, whitened: Array) -> Array:
        """Some ``X`` with ``J Jᵀ X`` nearest to the given ``(..., p, n)`` change of ``F Σx^{1/2}``.

        Components of ``X`` in the dual's null space do not matter: ``Jᵀ`` removes them. So plain
        elimination, or conjugate gradients, will do while they solve the equations, and the
        spectrum is the way out.
        """
        if self.stacked:
            solved, missing = self._eliminated(whitened)
        elif self.formed:
            solved, missing = self._one_by_one(whitened)
        else:
            solved, missing = self.operator.solve(whitened)
        if missing.any():
            dual = self.dual[missing] if self.stacked else self._formed(missing)
            flat = np.broadcast_to(whitened, solved.shape)[missing]
            values, vectors, alive = spectrum_of(dual)
            inverse = np.where(alive, 1.0 / np.where(alive, values, 1.0), 0.0)
            modes = vectors.mT @ flat.reshape(*flat.shape[:-2], -1, 1)
            solved[missing] = (vectors @ (inverse[..., None] * modes)).reshape(flat.shape)
        return solved

    def _formed(self, missing: NDArray[np.bool_]) -> Array:
        """The dual of some replicas, of a student for which it is not formed of all at once."""
        require_dual(self.problem, int(missing.sum()))
        return dual_matrix(self.problem, [w[missing] for w in self.weights])

    def _eliminated(self, whitened: Array) -> tuple[Array, NDArray[np.bool_]]:
        """`solve` by elimination, and of which replicas it does not solve the equations."""
        flat = whitened.reshape(*whitened.shape[:-2], -1, 1)
        size = np.trace(self.dual, axis1=-2, axis2=-1)
        try:
            solved = np.linalg.solve(_raised(self.dual, 1e-15 * size), flat)
        except np.linalg.LinAlgError:  # one of the replicas is exactly singular
            solved = np.full_like(flat, np.nan)
        missed = np.abs(self.dual @ solved - flat).max(axis=(-2, -1))
        missing = np.asarray(~(missed <= 1e-9 * np.abs(flat).max(axis=(-2, -1))))
        return np.asarray(solved.reshape(*solved.shape[:-2], *whitened.shape[-2:])), missing

    def _one_by_one(self, whitened: Array) -> tuple[Array, NDArray[np.bool_]]:
        """The same of duals that are formed one after another."""
        solved = self.operator.eliminate(whitened, 1e-15 * self.operator.trace)
        missed = np.abs(self.operator(solved) - whitened).max(axis=(-2, -1))
        return solved, np.asarray(~(missed <= 1e-9 * np.abs(whitened).max(axis=(-2, -1))))

    def pullback(self, x: Array) -> list[Array]:
        """Change of the weights ``A_iᵀ X Σx^{1/2} B_iᵀ``, which keeps charges."""
        return pullback(self.problem, self.weights, x @ self.root, self.ends)

    def lift(self, whitened: Array) -> list[Array]:
        """``J⁺``: the least change of the weights that changes ``F Σx^{1/2}`` as given."""
        return self.pullback(self.solve(whitened))

    def damped_lift(self, whitened: Array) -> list[Array]:
        """`lift` with `DAMPING` of its trace added to ``J Jᵀ``: one elimination for any rank.

        It still has the form ``A_iᵀ X B_iᵀ`` that keeps charges. What it misses of a step is of the
        order of `DAMPING` over the relative eigenvalue.
        """
        return self.pullback(self.damped_solve(whitened))

    def damped_solve(self, whitened: Array) -> Array:
        """The ``X`` of `damped_lift`."""
        if self.stacked:
            return self._damped(self.dual, whitened)
        trace = self.operator.trace  # of weights of zero it is nothing to divide by
        damping = DAMPING * np.where(trace > 0.0, trace, 1.0)
        if self.formed:
            return self.operator.eliminate(whitened, damping)
        solved, missing = self.operator.solve(whitened, damping=damping)
        if missing.any():
            given = np.broadcast_to(whitened, solved.shape)[missing]
            require_dual(self.problem, 1)
            solved[missing] = self.replica(missing).operator.eliminate(given, damping[missing])
        return solved

    @staticmethod
    def _damped(dual: Array, whitened: Array) -> Array:
        flat = whitened.reshape(*whitened.shape[:-2], -1, 1)
        size = np.trace(dual, axis1=-2, axis2=-1)
        size = np.where(size > 0.0, size, 1.0)  # weights of zero: nothing to divide by
        raised = _raised(dual, DAMPING * size)
        return np.asarray(np.linalg.solve(raised, flat)).reshape(whitened.shape)

    def tangent(self, vectors: Sequence[Array]) -> list[Array]:
        """Projection ``P`` of parameter vectors onto the kernel of ``J``."""
        moved = predictor_differential(self.problem, self.weights, vectors) @ self.root
        return [v - n for v, n in zip(vectors, self.lift(moved), strict=True)]


def _raised(dual: Array, by: Array) -> Array:
    """Matrices with a number of each added to its diagonal."""
    result = dual.copy()
    np.einsum("...ii->...i", result)[...] += np.asarray(by)[..., None]
    return result


def spectrum_of(dual: Array) -> Spectrum:
    """Eigenvalues and eigenvectors of a dual, and which are within reach."""
    values, vectors = np.linalg.eigh(dual)
    return values, vectors, values > REACH_TOLERANCE * values[..., -1:]


def require_dual(problem: Problem, replicas: int) -> None:
    """See that the dual of so many replicas can be formed and decomposed.

    Raises
    ------
    MethexisError
        If not.
    """
    rows, columns = problem.target.shape
    require_room(
        "slow dynamics",
        8 * _HELD * replicas * (rows * columns) ** 2,
        f"a matrix of {rows} x {columns} outputs times inputs squared, {replicas} times",
        "follow fewer replicas at once, or take a student with fewer outputs or inputs",
    )


def flattest_of(problem: Problem, weights: Sequence[Array]) -> float:
    """Least eigenvalue of ``2 J Jᵀ`` that is not zero, of all replicas; infinite where none is.

    Replicas that are lost do not count.
    """
    flat = [w.reshape(-1, *w.shape[-2:]) for w in weights]
    alive = finite_replicas(flat)
    flat = [w[alive] for w in flat]
    normal = Normal(problem, flat)
    if not normal.formed:
        each = [normal.replica(k).operator.smallest() for k in range(len(flat[0]))]
        if None not in each:
            return 2.0 * min((v for v in each if v is not None), default=np.inf)
    values, _, reached = normal.spectrum
    kept = values[reached]
    return 2.0 * float(kept.min()) if kept.size else np.inf


def sharpest_of(problem: Problem, weights: Sequence[Array]) -> float:
    """Largest eigenvalue of the Hessian at one minimum, ``2 J Jᵀ``, to rounding."""
    normal = Normal(problem, weights)
    if normal.formed:
        return float(minimum_spectrum(problem, weights)[-1])
    return 2.0 * normal.operator.largest()
