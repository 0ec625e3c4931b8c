"""Exact nearest neighbours without the matrix of all distances, the same in every library.

Products of blocks of rows give a key for every pair: with ``h_j = |x_j|²/2``, ``h_j - x_i·x_j``
orders the ``j`` as their distances from ``i`` do. A block is read twice, for its rows and for its
columns, so each pair is multiplied once. Products of two nearby rows cancel, and libraries round
them differently; so keys are only trusted as far as rounding reaches. A row of whose neighbours two
lie closer than that is decided by distances from the differences ``x_i - x_j``, in NumPy whatever
the library, among enough candidates that no other row can come before them. Ties go to the lower
index. What comes out is exact, and depends neither on the library nor on the blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, integer, one_of
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, Namespace, Tensor, to_numpy
from methexis.measures.rounding import epsilon

METRICS = ("cosine", "euclidean", "dot")

#: Neighbour lists hold rows' numbers in 32 bits.
Indices = NDArray[np.int32]

#: Candidates beyond those that are asked for: rows closer together than rounding come in pairs.
SLACK = 4
#: Bytes of one block of products. Larger blocks leave the cache; smaller ones slow the products.
BLOCK_BYTES = 2**23
#: Bytes of the differences that decide ties.
_DIFFERENCE_BYTES = 2**20


def nearest(
    given: Features, k: int, *, metric: str = "cosine", block_bytes: int = BLOCK_BYTES
) -> Indices:
    """Find the nearest neighbours of every row among all other rows.

    Parameters
    ----------
    given : Features
        Rows are samples.
    k : int
        How many neighbours.
    metric : {"cosine", "euclidean", "dot"}
        Nearest is the largest cosine, the smallest Euclidean distance or the largest inner product.
    block_bytes : int
        Memory of one block of products; about four times as much is in use at a time.

    Returns
    -------
    array (num_samples, k) of int32
        Row ``i`` lists the neighbours of sample ``i``, nearest first, equally near ones by index;
        never ``i`` itself.

    Raises
    ------
    MethexisError
        If there are not more than `k` rows, or a row of length zero has no direction.

    Notes
    -----
    Cost: ``n² d`` multiplications and additions, memory beyond the features ``O(n k)``. Data of
    which many distances are equal (binary features, copies) cost more: every row that a tie leaves
    open is compared with more and more others by differences, in NumPy.

    Examples
    --------
    >>> from methexis.measures.inputs.features import features
    >>> nearest(features("X", [[0.0], [1.0], [3.0], [7.0]]), 2, metric="euclidean").tolist()
    [[1, 2], [0, 2], [1, 0], [2, 1]]
    """
    one_of("metric", metric, METRICS)
    n = given.num_samples
    k = integer("k", k, least=1)
    if k >= n:
        raise MethexisError(
            f"k: expected fewer neighbours than {given.name} has other rows ({n - 1}), got {k}"
        )
    rows = _Rows(given, metric)
    size = max(int((block_bytes / rows.item_bytes) ** 0.5), 1)
    starts = range(0, n, size)
    count = min(k + SLACK, n - 1)
    best: list[_Candidates | None] = [None] * len(starts)
    for p, first in enumerate(starts):
        one = slice(first, min(first + size, n))
        for q in range(p, len(starts)):
            other = slice(starts[q], min(starts[q] + size, n))
            product = rows.array[one] @ rows.array[other].T
            if q > p:
                best[q] = rows.merged(best[q], product.T, one, count)
            best[p] = rows.merged(best[p], product, other, count, own=q == p)
    found = np.empty((n, k), dtype=np.int32)
    for first, candidates in zip(starts, best, strict=True):
        assert candidates is not None
        one = slice(first, min(first + size, n))
        keys, indices = (to_numpy(v) for v in (candidates.keys, candidates.indices))
        found[one], sure = rows.sorted(one, keys, indices, k)
        unsure = np.flatnonzero(~sure)
        step = max(block_bytes // (8 * n), 1)
        for some in np.split(unsure, range(step, len(unsure), step)):
            rows.decide(found, some + first, keys[some], indices[some], k)
    return found


def ranking(given: Features, row: int, metric: str) -> Indices:
    """All other rows from the nearest to the farthest of one row, ``(num_samples - 1,)``."""
    rows = _Rows(given, metric)
    others = np.delete(np.arange(given.num_samples), row)
    distances = rows.distances(np.array([row]), others[None])[0]
    return others[np.lexsort((others, distances))].astype(np.int32)


def directions(given: Features, metric: str) -> Tensor:
    """The rows, of length one for the cosine.

    Raises
    ------
    MethexisError
        If a row of length zero has no direction.
    """
    if metric != "cosine":
        return given.array
    lengths = given.xp.linalg.vector_norm(given.array, axis=1, keepdims=True)
    if bool(given.xp.any(lengths == 0)):
        raise MethexisError(
            f"{given.name}: expected rows that have a direction (metric 'cosine'), got zeros in "
            f"row {int(given.xp.argmin(lengths[:, 0]))}"
        )
    return given.array / lengths


def products(given: Features, lists: Indices, *, metric: str) -> Array:
    """Inner products, or cosines, of every row with those in its list, ``(num_samples, k)``."""
    xp, array = given.xp, directions(given, metric)
    device = array_api_compat.device(array)
    found = np.empty(lists.shape)
    step = max(BLOCK_BYTES // (8 * given.num_samples), 1)
    for start in range(0, given.num_samples, step):
        some = slice(start, start + step)
        index = xp.asarray(lists[some].astype(np.int64), device=device)
        found[some] = to_numpy(xp.take_along_axis(array[some] @ array.T, index, axis=1))
    return found


def rows_at(xp: Namespace, array: Tensor, rows: NDArray[np.int64]) -> Tensor:
    """Some rows of an array, in its library and on its device."""
    index = xp.asarray(rows, device=array_api_compat.device(array))
    return xp.take(array, index, axis=0)


def num_duplicates(given: Features) -> int:
    """How many rows equal one before them.

    Equal rows have equal sums with fixed weights, so only rows whose sums are equal are compared.
    """
    xp, array = given.xp, given.array
    weights = np.random.default_rng(0).normal(size=given.num_features)
    device = array_api_compat.device(array)
    marks = to_numpy(xp.sum(array * xp.asarray(weights, dtype=array.dtype, device=device), axis=1))
    order = np.argsort(marks, kind="stable")
    same = np.flatnonzero(marks[order[1:]] == marks[order[:-1]])
    if len(same) == 0:
        return 0
    one, other = (to_numpy(rows_at(xp, array, order[same + step])) for step in (0, 1))
    return int(np.count_nonzero((one == other).all(axis=1)))


@dataclass(frozen=True)
class _Candidates:
    """The smallest keys so far of a block of rows, and whose they are, in no order."""

    keys: Tensor
    indices: Tensor


class _Rows:
    """The rows as they are multiplied, and how far their products are to be trusted."""

    def __init__(self, given: Features, metric: str) -> None:
        self.metric, self.xp = metric, given.xp
        xp = given.xp
        # A power of two changes no digit, and no square can then overflow, or all of them vanish.
        _, exponent = np.frexp(float(xp.max(xp.abs(given.array))))
        reach = 120 if given.array.itemsize == 4 else 1000  # 2**reach is finite
        power = -float(np.clip(exponent, -reach, reach))
        given = given.replaced(given.array * 2.0**power)
        self.given, array = given, directions(given, metric)
        if metric == "euclidean":  # distances do not change when all rows move; products shrink
            array = array - xp.mean(array, axis=0, keepdims=True)
        self.array = array
        self.item_bytes = int(to_numpy(array[:1, :1]).itemsize)
        squares = xp.sum(array * array, axis=1)
        # A product of d terms is off by at most d u |x_i||x_j| <= d u (|x_i|² + |x_j|²)/2, with u
        # the unit of rounding; centring or scaling rows, halving and adding are in the 8. The part
        # with |x_j|² is taken off the key of j, which so becomes a lower bound, up to a constant of
        # the row.
        unit = epsilon(xp, array) / 2
        self.relative = (given.num_features + 8) * unit
        self.squares = to_numpy(squares).astype(np.float64)
        half = 0.0 if metric == "dot" else 0.5
        self.offset = (half - self.relative) * squares

    def merged(
        self,
        best: _Candidates | None,
        product: Tensor,
        columns: slice,
        count: int,
        *,
        own: bool = False,
    ) -> _Candidates:
        """The smallest keys of what there was and of another block of products."""
        xp = self.xp
        keys = self.offset[None, columns] - product
        if own:
            place = xp.arange(keys.shape[0], device=array_api_compat.device(keys))
            keys[place, place] = xp.inf
        found = _smallest(xp, keys, count, columns.start)
        if best is None:
            return found
        keys = xp.concat([best.keys, found.keys], axis=1)
        indices = xp.concat([best.indices, found.indices], axis=1)
        chosen = _smallest(xp, keys, count, 0)
        return _Candidates(chosen.keys, xp.take_along_axis(indices, chosen.indices, axis=1))

    def sorted(
        self, rows: slice, keys: Array, indices: NDArray[np.int64], k: int
    ) -> tuple[Indices, NDArray[np.bool_]]:
        """The k nearest by keys, and of which rows rounding cannot have changed them."""
        order = np.argsort(keys, axis=1, kind="stable")
        keys = np.take_along_axis(keys, order, axis=1).astype(np.float64)
        indices = np.take_along_axis(indices, order, axis=1)
        # The next key is at least that much above this one's upper bound (see __init__), so all
        # that follow are. One candidate more than k vouches for all rows that are none.
        reach = self.relative * (self.squares[rows, None] + 2.0 * self.squares[indices])
        shown = min(k, keys.shape[1] - 1)
        sure = np.all(keys[:, 1 : shown + 1] - keys[:, :shown] > reach[:, :shown], axis=1)
        return indices[:, :k].astype(np.int32), np.asarray(sure)

    def decide(
        self,
        found: Indices,
        rows: NDArray[np.int64],
        keys: Array,
        indices: NDArray[np.int64],
        k: int,
    ) -> None:
        """Neighbours by differences, for rows that keys leave open, among ever more candidates."""
        n, count = self.given.num_samples, keys.shape[1]
        while len(rows):
            distances = self.distances(rows, indices)
            order = np.lexsort((indices, distances), axis=1)[:, :k]
            found[rows] = np.take_along_axis(indices, order, axis=1)
            if count == n - 1:
                return
            # No row outside has a key below the largest candidate's; so none is as near as the last
            # neighbour if that one's key is lower even when rounding is against it.
            last = np.take_along_axis(distances, order[:, -1:], axis=1)[:, 0]
            squares = self.squares[rows]
            key = last if self.metric == "dot" else 0.5 * (last - squares)
            rows = rows[key + self.relative * squares >= keys.max(axis=1)]
            count = min(4 * count, n - 1)
            keys, indices = self._candidates(rows, count)

    def distances(self, rows: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
        """Squared distances from the differences, or inner products with a minus; in NumPy."""
        found = np.empty(others.shape)
        size = max(_DIFFERENCE_BYTES // (8 * others.shape[1] * self.given.num_features), 1)
        for start in range(0, len(rows), size):
            some = slice(start, start + size)
            left = self._exact(rows[some])[:, None]
            right = self._exact(others[some])
            if self.metric == "dot":
                np.einsum("rcd,rcd->rc", np.broadcast_to(left, right.shape), right, out=found[some])
            else:
                right -= left
                np.einsum("rcd,rcd->rc", right, right, out=found[some])
        return -found if self.metric == "dot" else found

    def _exact(self, rows: NDArray[np.int64]) -> Array:
        """Rows as they came, in double precision, of length one for the cosine."""
        taken = to_numpy(rows_at(self.xp, self.given.array, rows.ravel()))
        taken = taken.astype(np.float64, copy=False).reshape(*rows.shape, -1)
        if self.metric == "cosine":
            taken = taken / np.sqrt(np.einsum("...d,...d->...", taken, taken))[..., None]
        return taken

    def _candidates(self, rows: NDArray[np.int64], count: int) -> tuple[Array, NDArray[np.int64]]:
        xp = self.xp
        keys = self.offset[None, :] - rows_at(xp, self.array, rows) @ self.array.T
        device = array_api_compat.device(keys)
        place = xp.arange(len(rows), device=device)
        keys[place, xp.asarray(rows, device=device)] = xp.inf
        found = _smallest(xp, keys, count, 0)
        return to_numpy(found.keys).astype(np.float64), to_numpy(found.indices)


def _smallest(xp: Namespace, keys: Tensor, count: int, start: int) -> _Candidates:
    """The smallest keys of each row, in no order; all of them where there are no more."""
    count = min(count, int(keys.shape[1]))
    if array_api_compat.is_numpy_array(keys):
        indices: Any = np.argpartition(keys, count - 1, axis=1)[:, :count]
    elif hasattr(xp, "topk"):  # PyTorch
        indices = xp.topk(keys, count, dim=1, largest=False, sorted=False).indices
    else:
        indices = xp.argsort(keys, axis=1)[:, :count]
    return _Candidates(xp.take_along_axis(keys, indices, axis=1), indices + start)
