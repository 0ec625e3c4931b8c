"""Curvature of ``L`` at any weights, residual term included (docs/theory.md §4).

``L`` depends on the weights only through the multilinear map ``F``, so with ``C = 2 (F - V) Σx``
its Hessian along ``δ`` is the pullback of ``2 dF[δ] Σx`` plus the derivative of the pullback of
``C``. The second part, the residual term, has zero diagonal blocks: it never enters the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse.linalg
from numpy.typing import NDArray

from methexis.core.answers import of_replicas
from methexis.core.checks import Array, MethexisError, integer
from methexis.core.edln import EDLN
from methexis.core.layers.products import (
    after,
    before,
    ends_of,
    predictor,
)
from methexis.core.linalg import flatten, squared_norm, unflatten
from methexis.core.mlp import MLP
from methexis.core.parallel.memory import require_room
from methexis.core.problem import Problem, bind
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher

#: Largest number of parameters for which the dense Hessian is formed.
MAX_DENSE_PARAMETERS = 4000
#: Matrices of its size that are held while it is formed.
_HELD = 6
#: Most vectors of a Lanczos basis.
LANCZOS_VECTORS = 200
#: Numbers of all bases that are held in the cache, and vectors that a basis is likely to have.
_BASIS_NUMBERS, _LIKELY_VECTORS = 2**19, 40
#: Entries of a Hessian's product of which the squares can be summed.
_LARGEST = 1e140


def hessian_product(
    problem: Problem, weights: Sequence[Array], directions: Sequence[Array]
) -> list[Array]:
    """Hessian of ``L`` times ``directions``, at any weights; leading dimensions broadcast."""
    return hessian_operator(problem, weights)(directions)


def hessian_operator(
    problem: Problem, weights: Sequence[Array]
) -> Callable[[Sequence[Array]], list[Array]]:
    """`hessian_product` at given weights, for many directions: partial products are formed once."""
    left, right = ends_of(problem, weights)
    cotangent = 2.0 * (predictor(problem, weights) - problem.target) @ problem.cov_x
    seen = [a.mT @ cotangent for a in left]  # A_iᵀ C
    metric, moment = problem.embed_out.mT @ problem.embed_out, 2.0 * problem.cov_x

    def product(directions: Sequence[Array]) -> list[Array]:
        # Forward: dB_{i+1} = δ_i B_i + W_i dB_i, of which the last is dF but for the exit M.
        turned = [directions[0] @ right[0]]
        for w, d, b in zip(weights[1:], directions[1:], right[1:], strict=True):
            turned.append(d @ b + w @ turned[-1])
        # Backward: U_i = A_iᵀ 2 dF Σx + dA_iᵀ C, from U_{i+1} by the same rule, transposed.
        pushed = metric @ turned.pop() @ moment
        result = []
        for i in range(len(weights) - 1, 0, -1):
            result.append(pushed @ right[i].mT + seen[i] @ turned[i - 1].mT)
            pushed = weights[i].mT @ pushed + directions[i].mT @ seen[i]
        result.append(pushed @ right[0].mT)
        return result[::-1]

    return product


def trace_of(problem: Problem, weights: Sequence[Array]) -> Array:
    """``Tr H = 2 Σ_i ‖A_i‖_F² Tr[B_i Σx B_iᵀ]``, exact at any weights."""
    left, right = after(problem, weights), before(problem, weights)
    terms = [
        squared_norm(a) * np.sum((b @ problem.cov_x) * b, axis=(-2, -1))
        for a, b in zip(left, right, strict=True)
    ]
    return np.asarray(2.0 * sum(terms[1:], terms[0]))


def whitened_jacobian(problem: Problem, weights: Sequence[Array]) -> Array:
    r"""``(I ⊗ Σx^{1/2}) dF/dθ`` as a matrix ``(..., p n, num_parameters)``.

    Rows are row-major entries of ``F Σx^{1/2}``, columns follow `core.linalg.flatten`.
    """
    root = problem.root_x
    blocks = []
    for a, b in zip(after(problem, weights), before(problem, weights), strict=True):
        c = b @ root
        product = a[..., :, None, :, None] * c.mT[..., None, :, None, :]
        rows, columns = a.shape[-2] * c.shape[-1], a.shape[-1] * c.shape[-2]
        blocks.append(product.reshape(*product.shape[:-4], rows, columns))
    return np.concatenate(blocks, axis=-1)


def dual_matrix(problem: Problem, weights: Sequence[Array]) -> Array:
    """``J Jᵀ = Σ_i (A_iA_iᵀ) ⊗ (Σx^{1/2} B_iᵀB_i Σx^{1/2})``, ``(..., p n, p n)``.

    ``J`` is `whitened_jacobian`, which need not be formed.
    """
    rights = [b @ problem.root_x for b in before(problem, weights)]
    return dual_of_ends(after(problem, weights), rights)


def dual_of_ends(lefts: Sequence[Array], rights: Sequence[Array]) -> Array:
    """``Σ_i (A_iA_iᵀ) ⊗ (C_iᵀC_i)`` of ends ``A_i``, ``(..., p, d_i)``, and ``C_i``."""
    outers = [a @ a.mT for a in lefts]
    inners = [c.mT @ c for c in rights]
    # One product over the layers gives all entries; they are then put where they belong.
    shape = np.broadcast_shapes(*(m.shape[:-2] for m in (*outers, *inners)))
    p, n = outers[0].shape[-1], inners[0].shape[-1]
    outer, inner = (
        np.stack([np.broadcast_to(m, (*shape, *m.shape[-2:])) for m in of], axis=-1)
        for of in (outers, inners)
    )
    product = outer.reshape(*shape, p * p, -1) @ inner.reshape(*shape, n * n, -1).mT
    placed = np.moveaxis(product.reshape(*shape, p, p, n, n), -2, -3)
    return np.asarray(placed.reshape(*shape, p * n, p * n))


def minimum_spectrum(problem: Problem, weights: Sequence[Array]) -> Array:
    """Spectrum of the Hessian at a minimum without its trivial zeros, ascending, ``(..., p n)``.

    There ``H = 2 JᵀJ``, whose non-zero eigenvalues are those of ``2 J Jᵀ``.
    """
    return np.asarray(np.linalg.eigvalsh(2.0 * dual_matrix(problem, weights)))


def dense_hessian(problem: Problem, weights: Sequence[Array]) -> Array:
    """Dense Hessian ``(num_parameters, num_parameters)`` at any single set of weights.

    Raises
    ------
    MethexisError
        Above `MAX_DENSE_PARAMETERS` parameters, or if there is no room for it.
    """
    count = problem.num_parameters
    if count > MAX_DENSE_PARAMETERS:
        raise MethexisError(
            f"dense Hessian: expected at most {MAX_DENSE_PARAMETERS} parameters, got {count}; "
            "use top_eigenvalues, which is matrix-free"
        )
    require_room(
        "dense Hessian",
        8 * _HELD * count**2,
        f"matrices of {count:,} parameters",
        "use top_eigenvalues, which is matrix-free",
    )
    basis = unflatten(np.eye(count), problem.dims)
    matrix = flatten(hessian_product(problem, weights, basis))
    return (matrix + matrix.mT) / 2.0


def batched_sharpness(
    problem: Problem,
    weights: Sequence[Array],
    *,
    rtol: float = 1e-6,
    max_iterations: int = LANCZOS_VECTORS,
) -> Array:
    """Largest Hessian eigenvalue of every replica, by Lanczos run on all of them at once.

    `scipy.sparse.linalg.eigsh` handles one matrix a call; recording needs hundreds of small ones.
    Full reorthogonalisation; stops when the residual bound of the top Ritz pair is below ``rtol``
    of its value in every replica. The bound is one-sided: a Ritz value never exceeds the maximum.

    Returns
    -------
    array (...)
        NaN where weights are not finite, or so large that products of the Hessian leave the range
        of double precision, as those of a diverging replica do.
    """
    shape = weights[0].shape[:-2]
    flat = flatten(weights).reshape(-1, problem.num_parameters)
    result = np.full(len(flat), np.nan)
    alive = np.asarray(np.isfinite(flat).all(axis=-1))
    if alive.any():
        with np.errstate(all="ignore"):
            alive[alive] = _within_reach(problem, unflatten(flat[alive], problem.dims))
    if alive.any():
        taken = flat[alive]
        # So many at once that what is read again and again stays in the cache.
        size = max(8, _BASIS_NUMBERS // (_LIKELY_VECTORS * problem.num_parameters))
        tops = [
            _lanczos_top(problem, unflatten(part, problem.dims), rtol, max_iterations)
            for part in np.array_split(taken, -(-len(taken) // size))
        ]
        result[alive] = np.concatenate(tops)
    return result.reshape(shape)


def _within_reach(problem: Problem, weights: list[Array]) -> NDArray[np.bool_]:
    """Whether squares of the Hessian's products are numbers, for each replica."""
    ones = [np.ones(w.shape[-2:]) for w in weights]
    moved = flatten(hessian_product(problem, weights, ones))
    size = np.abs(flatten(weights)).max(axis=-1) ** 2
    return np.asarray((np.abs(moved).max(axis=-1) < _LARGEST) & (size < _LARGEST))


def _lanczos_top(problem: Problem, weights: list[Array], rtol: float, max_iterations: int) -> Array:
    count = problem.num_parameters
    num = len(weights[0])
    # A fixed start with weight on every coordinate; the same for all replicas.
    start = np.random.default_rng(0).standard_normal(count)
    most = min(max_iterations, count)
    # Memory that most runs never come to would have to be cleared by the system all the same.
    basis = np.empty((num, min(most, _LIKELY_VECTORS) + 1, count))
    basis[:, 0] = start / np.linalg.norm(start)
    diagonal, off = np.zeros((num, 0)), np.zeros((num, 0))
    top = np.zeros(num)
    converged = np.zeros(num, dtype=np.bool_)
    product = hessian_operator(problem, weights)
    for k in range(most):
        moved = flatten(product(unflatten(basis[:, k], problem.dims)))
        diagonal = np.column_stack([diagonal, np.sum(basis[:, k] * moved, axis=-1)])
        done = basis[:, : k + 1]
        for _ in range(2):  # twice is enough for orthogonality to rounding
            moved = moved - ((done @ moved[..., None]).mT @ done)[:, 0]
        norm = np.linalg.norm(moved, axis=-1)
        if _looks(k, count) or k == most - 1:
            # Each replica keeps the value at which it converged, whatever its batch mates need.
            rest = np.flatnonzero(~converged)
            top[rest], last = _ritz(diagonal[rest], off[rest])
            converged[rest] = norm[rest] * last <= rtol * np.abs(top[rest])
        if converged.all():
            break
        off = np.column_stack([off, norm])
        safe = np.where(norm > 0, norm, 1.0)
        if k + 1 == basis.shape[1]:
            more = min(basis.shape[1], most - k)
            basis = np.concatenate([basis, np.empty((num, more, count))], axis=1)
        basis[:, k + 1] = moved / safe[:, None]
    complete = most == count  # the whole space was spanned: exact
    return top if complete else np.where(converged, top, np.nan)


def _looks(k: int, count: int) -> bool:
    """Whether Lanczos looks for convergence after iteration ``k``: not before it could have any."""
    first = min(5, count - 1)
    return k >= first and (k - first) % 3 == 0


def _ritz(diagonal: Array, off: Array) -> tuple[Array, Array]:
    """Top Ritz value of every replica, and the size of its vector's last component."""
    size = diagonal.shape[-1]
    tridiagonal = np.zeros((len(diagonal), size, size))
    index = np.arange(size)
    tridiagonal[:, index, index] = diagonal
    tridiagonal[:, index[1:], index[:-1]] = tridiagonal[:, index[:-1], index[1:]] = off
    values, vectors = np.linalg.eigh(tridiagonal)
    return values[:, -1], np.abs(vectors[:, -1, -1])


def hessian_trace(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> Array:
    """Trace of the Hessian of ``L`` at any weights: ``2 Σ_i ‖A_i‖_F² Tr[B_i Σx B_iᵀ]``.

    Parameters
    ----------
    source : Teacher or Samples
        Data.
    student : EDLN, or a linear MLP
        Network.
    weights : sequence of arrays (..., d_i, d_{i-1})
        One array per layer.
    loss : {"squared", "whitened"}
        Loss whose curvature is meant (``L = E ℓ``, no ½).

    Returns
    -------
    array (...)

    Raises
    ------
    MethexisError
        On shapes that do not fit, weights that are not finite, or products of them that double
        precision does not hold. Of several replicas those that are lost have NaN.

    Examples
    --------
    >>> import numpy as np
    >>> one = [np.ones((1, 1)), np.array([[1.0], [0.0]])]
    >>> float(hessian_trace(Teacher([[1.0], [0.0]]), EDLN(hidden=(1,)), one))
    6.0
    """
    problem, layers = bind(source, student, weights, loss)
    return of_replicas("hessian_trace", layers, lambda w: trace_of(problem, w))


def sharpness(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> Array:
    """Largest eigenvalue of the Hessian of ``L`` at any weights, to 1e-6 relative, matrix-free.

    See `hessian_trace` for parameters, shapes and errors.
    """
    problem, layers = bind(source, student, weights, loss)
    return of_replicas(
        "sharpness",
        layers,
        lambda w: batched_sharpness(problem, w),
        undefined=f"take top_eigenvalues where {LANCZOS_VECTORS} steps of Lanczos are too few",
    )


def hessian_spectrum(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    loss: str = "squared",
) -> Array:
    """All eigenvalues of the Hessian of ``L``, ascending, at one set of weights.

    Raises
    ------
    MethexisError
        Above `MAX_DENSE_PARAMETERS` parameters; on shapes that do not fit, or several replicas.
    """
    problem, layers = bind(source, student, weights, loss)
    one_set("hessian_spectrum", layers)
    return of_replicas(
        "hessian_spectrum",
        layers,
        lambda w: np.asarray(np.linalg.eigvalsh(dense_hessian(problem, w))),
    )


def top_eigenvalues(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    count: int = 5,
    loss: str = "squared",
) -> Array:
    """The ``count`` largest eigenvalues of the Hessian of ``L``, ascending, matrix-free.

    ARPACK on Hessian-vector products: memory of a few parameter vectors, for networks of any size.

    Raises
    ------
    MethexisError
        If ``count`` is not below the number of parameters; on shapes that do not fit, or several
        replicas.
    """
    problem, layers = bind(source, student, weights, loss)
    size = problem.num_parameters
    count = integer("count", count, least=1, most=size - 1)

    one_set("top_eigenvalues", layers)
    return of_replicas("top_eigenvalues", layers, lambda w: _top(problem, w, count))


def _top(problem: Problem, weights: list[Array], count: int) -> Array:
    size = problem.num_parameters

    applied = hessian_operator(problem, weights)

    def product(vector: Array) -> Array:
        return flatten(applied(unflatten(vector.ravel(), problem.dims)))

    start = np.random.default_rng(0).standard_normal(size)
    moved = product(start)
    if not moved.any():  # no direction is curved, and Arnoldi's method has nothing to begin with
        return np.zeros(count)
    if not np.isfinite(moved).all():
        return np.full(count, np.nan)
    operator = scipy.sparse.linalg.LinearOperator((size, size), matvec=product, dtype=np.float64)
    values = scipy.sparse.linalg.eigsh(
        operator, k=count, which="LA", v0=start, return_eigenvectors=False
    )
    return np.sort(np.asarray(values))


def one_set(name: str, weights: Sequence[Array]) -> None:
    """See that weights have no leading dimensions.

    Raises
    ------
    MethexisError
        If they are of several replicas.
    """
    if weights[0].ndim != 2:
        raise MethexisError(
            f"{name}: expected one set of weights, got leading dimensions "
            f"{weights[0].shape[:-2]}; call it for one replica after another"
        )
