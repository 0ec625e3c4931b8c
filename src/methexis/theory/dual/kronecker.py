r"""Sums of Kronecker products ``K = Σ_i P_i ⊗ Q_i``, applied and inverted without being formed.

The dual ``J Jᵀ`` of a network is such a sum, with one term per layer (`theory.dual.normal`). As a
matrix it has ``(p n)²`` entries, and an elimination takes the cube of ``p n``. Applied to one
``(p, n)`` matrix, ``K X = Σ_i P_i X Q_i``, it takes ``D p n (p + n)`` multiply-adds, so that a few
dozen products of a Krylov method cost nothing beside the elimination.

How many there are is decided by the basis. Take ``L`` and ``R`` such that ``Lᵀ P_i L`` and
``Rᵀ Q_i R`` are as nearly diagonal as one basis can make them; conjugate gradients then divide by
the diagonal of ``(L ⊗ R)ᵀ K (L ⊗ R)``. The ends of a network do not move: ``P_D`` is ``M Mᵀ``, and
``Q_1`` is ``Σx^{1/2} Eᵀ E Σx^{1/2}``. At the Platonic point all other ``P_i`` are multiples of one
matrix and so are all other ``Q_i``, so that the basis that makes ``P_D`` the identity and the sum
of the others diagonal inverts ``K`` at once. Elsewhere it is where the search begins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.linalg import eliminate_positive
from methexis.core.parallel.caching import cached_property

#: Residual, over the right-hand side, at which conjugate gradients stop; and most products.
RESIDUAL, MOST_PRODUCTS = 1e-13, 300
#: Products after which an even smaller residual is no longer waited for.
_STALLED = 40
#: Relative eigenvalue of a fixed end below which no basis is made of it, and entry of the diagonal
#: below which a direction counts as out of reach.
_SINGULAR, _NOTHING = 1e-10, 1e-14
#: Relative eigenvalue below which nothing decays.
_OUT_OF_REACH = 1e-11
#: Most vectors of a Lanczos basis, products between looks at it, and what exponentials may be off.
_MOST_VECTORS, _LOOK, _EXPONENTIAL = 1000, 15, 1e-7


class KroneckerSum:
    """``Σ_i (A_iA_iᵀ) ⊗ (C_iᵀC_i)`` of ends ``A_i``, ``(..., p, d_i)``, and ``C_i``.

    Leading dimensions are replicas, which do not see each other. The last of the left ends and the
    first of the right ones are those that all minima share.
    """

    def __init__(self, lefts: Sequence[Array], rights: Sequence[Array]) -> None:
        self.outer = [a @ a.mT for a in lefts]
        self.inner = [c.mT @ c for c in rights]
        self.lead = np.broadcast_shapes(*(m.shape[:-2] for m in (*self.outer, *self.inner)))
        self.shape = self.outer[0].shape[-1], self.inner[0].shape[-1]

    @property
    def trace(self) -> Array:
        """Trace of the whole matrix, over the leading dimensions."""
        terms = [
            np.trace(p, axis1=-2, axis2=-1) * np.trace(q, axis1=-2, axis2=-1)
            for p, q in zip(self.outer, self.inner, strict=True)
        ]
        return np.asarray(sum(terms[1:], terms[0]))

    def __call__(self, x: Array) -> Array:
        """``K X = Σ_i P_i X Q_i`` of ``(..., p, n)`` matrices."""
        return _applied(self.outer, self.inner, x)

    def solve(
        self, right: Array, *, damping: Array | None = None
    ) -> tuple[Array, NDArray[np.bool_]]:
        """``X`` with ``(K + d) X`` equal to the given, and which replicas have no such answer.

        ``damping`` is ``d``, over the leading dimensions; none by default. Components of ``X`` on
        which ``K`` does not act are not determined.
        """
        outer, inner = list(self.outer), list(self.inner)
        if damping is not None:
            outer.append(np.asarray(damping)[..., None, None] * np.eye(self.shape[0]))
            inner.append(np.eye(self.shape[1]))
        left, other = self._bases
        outer = [left.mT @ p @ left for p in outer]
        inner = [other.mT @ q @ other for q in inner]
        diagonal = sum(
            np.diagonal(p, axis1=-2, axis2=-1)[..., :, None]
            * np.diagonal(q, axis1=-2, axis2=-1)[..., None, :]
            for p, q in zip(outer, inner, strict=True)
        )
        diagonal = np.broadcast_to(diagonal, (*self.lead, *self.shape))
        alive = diagonal > _NOTHING * diagonal.max(axis=(-2, -1), keepdims=True)
        inverse = np.where(alive, 1.0 / np.where(alive, diagonal, 1.0), 0.0)
        given = np.broadcast_to(left.mT @ right @ other, (*self.lead, *self.shape))
        solved = left @ _gradients(outer, inner, inverse, given) @ other.mT
        moved = self(solved)
        if damping is not None:
            moved = moved + np.asarray(damping)[..., None, None] * solved
        size = np.abs(right).max(axis=(-2, -1))
        missed = np.abs(moved - right).max(axis=(-2, -1))
        return solved, np.asarray(~(missed <= 1e-9 * size))

    @cached_property
    def _bases(self) -> tuple[Array, Array]:
        """``L`` and ``R``, ``(..., p, p)`` and ``(..., n, n)``."""
        weights = [np.trace(q, axis1=-2, axis2=-1)[..., None, None] for q in self.inner]
        left = sum(w * p for w, p in zip(weights[:-1], self.outer[:-1], strict=True))
        others = [np.trace(p, axis1=-2, axis2=-1)[..., None, None] for p in self.outer]
        right = sum(w * q for w, q in zip(others[1:], self.inner[1:], strict=True))
        return _diagonalising(np.asarray(left), self.outer[-1]), _diagonalising(
            np.asarray(right), self.inner[0]
        )

    def largest(self) -> float:
        """The largest eigenvalue, of one replica, to rounding."""
        rows, columns = self.shape
        size = rows * columns

        def product(vector: Array) -> Array:
            return self(vector.reshape(rows, columns)).ravel()

        operator = scipy.sparse.linalg.LinearOperator(
            (size, size), matvec=product, dtype=np.float64
        )
        start = np.random.default_rng(0).standard_normal(size)
        value = scipy.sparse.linalg.eigsh(
            operator, k=1, which="LA", v0=start, return_eigenvectors=False
        )
        return float(value[0])

    def smallest(self) -> float | None:
        """The smallest eigenvalue, of one replica, to six digits; None where it is no inverse's."""
        rows, columns = self.shape
        size = rows * columns
        lost: list[bool] = []

        def product(vector: Array) -> Array:
            solved, missing = self.solve(vector.reshape(rows, columns))
            lost.append(bool(missing))
            return solved.ravel()

        operator = scipy.sparse.linalg.LinearOperator(
            (size, size), matvec=product, dtype=np.float64
        )
        start = np.random.default_rng(0).standard_normal(size)
        product(start)
        if any(lost):
            return None
        value = scipy.sparse.linalg.eigsh(
            operator, k=1, which="LA", v0=start, tol=1e-6, return_eigenvectors=False
        )
        return None if any(lost) else 1.0 / float(value[0])

    def eliminate(self, right: Array, damping: Array) -> Array:
        """``X`` with ``(K + d) X`` equal to the given, of matrices that are formed one by one.

        All in one place that fits the cache. Matrices that are not positive definite, to rounding,
        are eliminated with pivots; NaN where that fails too.
        """
        rows, columns = self.shape
        size, terms = rows * columns, len(self.outer)
        lead = np.broadcast_shapes(self.lead, right.shape[:-2])
        own = self.lead if np.prod(self.lead) == 1 else lead  # one matrix may have many sides
        outer = _stacked(self.outer, own, rows**2).mT.copy()
        inner = _stacked(self.inner, own, columns**2)
        raised = np.broadcast_to(damping, own).reshape(-1)
        solved = np.array(np.broadcast_to(right, (*lead, rows, columns)), dtype=np.float64)
        sides = solved.reshape(len(outer), -1, size)
        given = sides.copy()
        entries = np.empty((rows**2, columns**2))
        matrix = np.empty((size, size))
        placed = matrix.reshape(rows, columns, rows, columns)

        def form(k: int) -> None:
            np.matmul(outer[k], inner[k].reshape(terms, -1), out=entries)
            placed[...] = entries.reshape(rows, rows, columns, columns).transpose(0, 2, 1, 3)
            matrix.reshape(-1)[:: size + 1] += raised[k]

        for k in range(len(sides)):
            form(k)
            if eliminate_positive(matrix, sides[k]):
                continue
            form(k)
            try:
                sides[k] = np.linalg.solve(matrix, given[k].T).T
            except np.linalg.LinAlgError:  # exactly singular
                sides[k] = np.nan
        return solved

    def seen_by(self, given: Array) -> tuple[Array, Array]:
        """Eigenvalues and eigenvectors as far as exponentials of ``K`` show them on one matrix.

        By Lanczos' method from ``given``, ``(p, n)``, of one replica: in the space that it spans
        ``e^{-2Kt}`` of that matrix is known at all times to `_EXPONENTIAL`, unless there are more
        dimensions than `_MOST_VECTORS` and the slowest of them need more vectors than that.

        Returns
        -------
        arrays (m,), (p n, m)
            Values, ascending, and orthonormal columns.
        """
        seen = self.seen_by_each(given[None])[0]
        assert seen is not None  # as wherever there may be as many vectors as there ever are
        return seen

    def seen_by_each(
        self, given: Array, most: int = _MOST_VECTORS, least: float = -np.inf
    ) -> list[tuple[Array, Array] | None]:
        """`seen_by` of ``(replica, p, n)`` matrices, side by side.

        None for those of which it is not known after ``most`` products (after `_MOST_VECTORS`, what
        there is must do), and for those with an eigenvalue below ``least`` of the largest: the
        values that are seen lie within the spectrum, so that one look can tell.
        """
        rows, columns = self.shape
        count, size = len(given), rows * columns
        flat = given.reshape(count, size)
        length = np.linalg.norm(flat, axis=-1, keepdims=True)
        whole = min(_MOST_VECTORS, size)
        most = min(most, whole)
        basis = np.empty((count, most, size))
        basis[:, 0] = np.where(
            length > 0.0, flat / np.where(length > 0.0, length, 1.0), 1.0 / np.sqrt(size)
        )
        diagonal, off = np.zeros((count, most)), np.zeros((count, most))
        seen: list[tuple[Array, Array] | None] = [None] * count
        asked = set(range(count))
        for k in range(most):
            moved = self(basis[:, k].reshape(count, rows, columns)).reshape(count, size)
            diagonal[:, k] = np.sum(basis[:, k] * moved, axis=-1)
            done = basis[:, : k + 1]
            for _ in range(2):  # twice is enough for orthogonality to rounding
                moved = moved - ((done @ moved[..., None]).mT @ done)[:, 0]
            norm = np.linalg.norm(moved, axis=-1)
            ended = norm <= 1e-13 * np.abs(diagonal[:, : k + 1]).max(axis=-1)
            ended |= k == whole - 1
            looks = k % _LOOK == _LOOK - 1 or k == most - 1
            for j in [j for j in asked if looks or ended[j]]:
                ritz = scipy.linalg.eigh_tridiagonal(diagonal[j, : k + 1], off[j, :k])
                values, vectors = (np.asarray(part, dtype=np.float64) for part in ritz)
                if values[0] < least * values[-1]:
                    asked.remove(j)
                elif ended[j] or _settled(values, vectors, float(norm[j])):
                    asked.remove(j)
                    seen[j] = values, np.asarray(done[j].T @ vectors)
            if k == most - 1 or not asked:
                break
            off[:, k] = norm
            basis[:, k + 1] = moved / np.where(norm > 0.0, norm, 1.0)[:, None]
        return seen


def _stacked(matrices: Sequence[Array], lead: tuple[int, ...], size: int) -> Array:
    """Matrices of all terms as rows, ``(replica, term, entries)``."""
    rows = [np.broadcast_to(m, (*lead, *m.shape[-2:])).reshape(-1, size) for m in matrices]
    return np.stack(rows, axis=1)


def _applied(outer: Sequence[Array], inner: Sequence[Array], x: Array) -> Array:
    total = outer[0] @ x @ inner[0]
    for p, q in zip(outer[1:], inner[1:], strict=True):
        total = total + p @ x @ q
    return np.asarray(total)


def _diagonalising(matrix: Array, fixed: Array) -> Array:
    """A basis in which ``fixed`` is the identity and ``matrix`` diagonal, ``(..., n, n)``.

    Where the first has directions of no length, the eigenvectors of both together.
    """
    values, vectors = np.linalg.eigh(fixed)
    if not np.all(values[..., :1] > _SINGULAR * values[..., -1:]):
        return np.linalg.eigh(matrix + fixed)[1]
    root = vectors / np.sqrt(values)[..., None, :]
    return np.asarray(root @ np.linalg.eigh(root.mT @ matrix @ root)[1])


def _gradients(
    outer: Sequence[Array], inner: Sequence[Array], inverse: Array, right: Array
) -> Array:
    """Preconditioned conjugate gradients on all replicas, each as if it were alone."""
    x = np.zeros_like(right)
    rest = np.where(inverse > 0.0, right, 0.0)
    ahead = inverse * rest
    direction = ahead
    power = np.sum(rest * ahead, axis=(-2, -1))
    enough = RESIDUAL**2 * power
    least, best, since = power.copy(), x.copy(), np.zeros(power.shape, dtype=np.int64)
    going = power > 0.0
    for _ in range(MOST_PRODUCTS):
        if not going.any():
            break
        moved = np.where(inverse > 0.0, _applied(outer, inner, direction), 0.0)
        curved = np.sum(direction * moved, axis=(-2, -1))
        going &= curved > 0.0
        length = np.where(going, power / np.where(going, curved, 1.0), 0.0)[..., None, None]
        x = x + length * direction
        rest = rest - length * moved
        ahead = inverse * rest
        following = np.sum(rest * ahead, axis=(-2, -1))
        better = going & (following < least)
        least = np.where(better, following, least)
        best = np.where(better[..., None, None], x, best)
        since = np.where(better, 0, since + 1)
        going &= (following > enough) & (since < _STALLED)
        turned = np.where(going, following / np.where(power > 0.0, power, 1.0), 0.0)
        direction = ahead + turned[..., None, None] * direction
        power = following
    return best


def _settled(values: Array, vectors: Array, norm: float) -> bool:
    """Whether what a Lanczos basis leaves out changes no exponential, at any time.

    It enters by the last vector, at the rate ``‖rest‖ e_mᵀ e^{-2Tt} e_1``.
    """
    reached = values[values > _OUT_OF_REACH * values[-1]]
    if not len(reached):
        return False
    times = np.geomspace(0.05 / reached[-1], 12.0 / reached[0], 24)
    last = np.exp(-2.0 * np.outer(times, values)) @ (vectors[0] * vectors[-1])
    return bool(np.max(times * norm * np.abs(last)) <= _EXPONENTIAL)
