"""Sums ``Σ_ij a_ij b_π(i)π(j)`` for all pairs of many matrices and for many orders π.

A block of a few rows of every matrix is laid out as a vector; the sums of all pairs over that block
are then one product of two tall matrices. For an order, the rows and columns of the second
matrices are gathered first, once per matrix. With L and M matrices over n samples an order costs
``M n²`` gathered numbers and ``L M n²`` multiply-adds, half of both where all are symmetric.

Products of single precision add up at most `CHUNK` terms in it; those sums are added in double.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import array_api_compat
import numpy as np

from methexis.core.checks import Array
from methexis.measures.inputs.features import Namespace, Tensor, to_numpy
from methexis.measures.measure import Orders

#: Terms that are added in single precision: of 2^10 roundings of 6e-8 about 32 remain if they are
#: of random sign, so that sums of many such sums are good to 1e-7.
CHUNK = 1024
#: Numbers of all matrices together in a block: 16 MiB in double precision, which a large cache
#: holds, and long enough vectors for products of a hundred matrices.
BLOCK = 2**21
#: Sums in single precision that are held before they are added in double.
SUMS = 2**22
#: Bytes that a block takes while it is gathered, weighted and multiplied.
WORKSPACE = 5 * 8 * BLOCK


def pair_products(
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    orders: Orders | None = None,
    *,
    symmetric: bool = False,
) -> Array:
    """Sums over all pairs of samples, for all pairs of matrices, in float64.

    ``(num_first, num_second)``; or ``(num_orders, num_first, num_second)`` with orders of the rows
    and columns of all the second. Of symmetric matrices, what is left of their diagonals is not
    looked at.

    Examples
    --------
    >>> a, b = np.arange(4.0).reshape(2, 2), np.eye(2)
    >>> pair_products([a], [a, b]).tolist()
    [[14.0, 3.0]]
    >>> pair_products([a], [b, a], np.array([[1, 0]])).tolist()
    [[[3.0, 4.0]]]
    """
    xp: Namespace = array_api_compat.array_namespace(first[0])
    n = int(first[0].shape[0])
    steps: list[Any] = [None] if orders is None else [_index(order, first[0]) for order in orders]
    sums = np.zeros((len(steps), len(first), len(second)))
    height = max(1, BLOCK // (n * (len(first) + len(second))))
    for low in range(0, n, height):
        high = min(n, low + height)
        left = (
            low if symmetric else 0
        )  # of a symmetric matrix the columns left of a block are known
        weights = _weights(xp, low, high, left, n, first[0]) if symmetric else None
        rows = _stacked(xp, [m[low:high, left:] for m in first], weights)
        for k, order in enumerate(steps):
            if order is None:
                parts = [m[low:high, left:] for m in second]
            else:
                down, across = order[low:high], order[left:]
                parts = [xp.take(xp.take(m, down, axis=0), across, axis=1) for m in second]
            sums[k] += vector_products(rows, _stacked(xp, parts, None))
    return sums[0] if orders is None else sums


def vector_products(first: Tensor, second: Tensor) -> Array:
    """Inner products of all pairs of rows of two arrays ``(num_vectors, length)``, in float64.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((1, 10**6), dtype=np.float32)
    >>> bool(abs(vector_products(x, x) / np.sum(x.astype(np.float64) ** 2) - 1.0) < 1e-7)
    True
    """
    xp: Namespace = array_api_compat.array_namespace(first)
    if first.dtype == xp.float64:
        return np.asarray(to_numpy(first @ second.T))
    length = int(first.shape[1])
    whole = length // CHUNK * CHUNK
    pairs = int(first.shape[0]) * int(second.shape[0])
    inner = np.zeros((first.shape[0], second.shape[0]))
    step = max(1, SUMS // pairs) * CHUNK
    for low in range(0, whole, step):
        one, other = (
            xp.permute_dims(
                xp.reshape(v[:, low : min(whole, low + step)], (v.shape[0], -1, CHUNK)), (1, 0, 2)
            )
            for v in (first, second)
        )
        sums = xp.matmul(one, xp.permute_dims(other, (0, 2, 1)))
        inner += to_numpy(xp.sum(sums, axis=0, dtype=xp.float64))
    if whole < length:
        inner += to_numpy(first[:, whole:] @ second[:, whole:].T)
    return inner


def num_sums(num_vectors: int, length: int) -> int:
    """Sums in single precision that `vector_products` holds at a time, at most."""
    pairs = num_vectors**2
    return min(-(-length // CHUNK) * pairs, max(SUMS, pairs))


def _weights(xp: Namespace, low: int, high: int, left: int, n: int, like: Tensor) -> Tensor:
    """1 on the diagonal, 2 right of it, 0 left of it."""
    ones = xp.ones((high - low, n - left), dtype=like.dtype, device=array_api_compat.device(like))
    return xp.triu(ones, k=low - left) + xp.triu(ones, k=low - left + 1)


def _stacked(xp: Namespace, parts: Sequence[Tensor], weights: Tensor | None) -> Tensor:
    if weights is not None:
        parts = [part * weights for part in parts]
    return xp.stack([xp.reshape(part, (-1,)) for part in parts])


def _index(order: Any, like: Tensor) -> Tensor:
    xp: Namespace = array_api_compat.array_namespace(like)
    return xp.asarray(np.ascontiguousarray(order), device=array_api_compat.device(like))
