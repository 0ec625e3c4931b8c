"""Partial products of one student's layers: the maps before and after each layer.

With ``B_i = W_{i-1} … W_1 E`` and ``A_i = M W_D … W_{i+1}`` the predictor is ``F = A_i W_i B_i``
for every ``i``, layer ``i`` sees ``h_{i-1} = B_i x``, and its error signal is ``g_i = 2 A_iᵀ (f -
y)`` (docs/theory.md §1). All functions broadcast over leading dimensions (replicas) and use plain
transposes, so a complex step through them gives exact derivatives of these polynomials.
"""

from __future__ import annotations

from collections.abc import Sequence

from methexis.core.checks import Array
from methexis.core.problem import Problem


def before(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """Maps from the source's ``x`` to the input of each layer: ``[B_1, …, B_D]``."""
    maps = [problem.embed_in]
    for w in weights[:-1]:
        maps.append(w @ maps[-1])
    return maps


def after(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """Maps from the output of each layer to the prediction: ``[A_1, …, A_D]``."""
    maps = [problem.embed_out]
    for w in reversed(weights[1:]):
        maps.append(maps[-1] @ w)
    return maps[::-1]


def hidden_maps(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """Maps from the source's ``x`` to each hidden layer: ``[H_1, …, H_{D-1}]``."""
    return before(problem, weights)[1:]


def predictor(problem: Problem, weights: Sequence[Array]) -> Array:
    """The whole map ``F = M W_D … W_1 E``, ``(..., p, n)``."""
    result = problem.embed_in
    for w in weights:
        result = w @ result
    return problem.embed_out @ result


#: ``[A_1, …, A_D]`` and ``[B_1, …, B_D]``, for those who need them more than once.
Ends = tuple[Sequence[Array], Sequence[Array]]


def ends_of(problem: Problem, weights: Sequence[Array]) -> Ends:
    """Partial products from both ends: `after` and `before`."""
    return after(problem, weights), before(problem, weights)


def predictor_differential(
    problem: Problem,
    weights: Sequence[Array],
    directions: Sequence[Array],
    ends: Ends | None = None,
) -> Array:
    """Directional derivative ``dF[δ] = Σ_i A_i δ_i B_i``, ``(..., p, n)``."""
    left, right = ends or ends_of(problem, weights)
    terms = [a @ d @ b for a, d, b in zip(left, directions, right, strict=True)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def pullback(
    problem: Problem, weights: Sequence[Array], cotangent: Array, ends: Ends | None = None
) -> list[Array]:
    """Gradient of ``<F, C>`` at fixed ``C``: ``[A_iᵀ C B_iᵀ]``, one array per layer."""
    left, right = ends or ends_of(problem, weights)
    return [a.mT @ cotangent @ b.mT for a, b in zip(left, right, strict=True)]


def loss_gradient(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """``∇_{W_i} L = 2 A_iᵀ (F - V) Σx B_iᵀ``, exact for teachers and for samples."""
    delta = predictor(problem, weights) - problem.target
    return pullback(problem, weights, 2.0 * delta @ problem.cov_x)


def pullback_differential(
    problem: Problem,
    weights: Sequence[Array],
    directions: Sequence[Array],
    cotangent: Array,
    ends: Ends | None = None,
) -> list[Array]:
    """Derivative of `pullback` along ``directions``: ``[dA_iᵀ C B_iᵀ + A_iᵀ C dB_iᵀ]``."""
    depth = len(weights)
    left, right = ends or ends_of(problem, weights)
    d_right: list[Array | None] = [None]
    for i in range(depth - 1):
        moved = directions[i] @ right[i]
        previous = d_right[-1]
        d_right.append(moved if previous is None else moved + weights[i] @ previous)
    d_left: list[Array | None] = [None]
    for i in range(depth - 1, 0, -1):
        moved = left[i] @ directions[i]
        previous = d_left[-1]
        d_left.append(moved if previous is None else moved + previous @ weights[i])
    d_left.reverse()
    result = []
    for i in range(depth):
        da, db = d_left[i], d_right[i]
        total = None if da is None else da.mT @ cotangent @ right[i].mT
        if db is not None:
            second = left[i].mT @ cotangent @ db.mT
            total = second if total is None else total + second
        assert total is not None  # depth >= 2: every layer has a neighbour
        result.append(total)
    return result
