"""Exact nearest neighbours without the matrix of all distances, the same in every library.

Products of blocks of rows give a key for every pair: with ``h_j = |x_j|²/2``, ``h_j - x_i·x_j``
orders the ``j`` as their distances from ``i`` do. A block is read twice, for its rows and for its
columns, so each pair is multiplied once. Products of two nearby rows cancel, and libraries round
them differently; so keys are only trusted as far as rounding reaches (`rows`). A row of whose
neighbours two lie closer than that is settled by distances from the differences, in NumPy whatever
the library; where equally near rows reach beyond the candidates that were kept, by its products
with all rows. What comes out is exact, and depends neither on the library nor on the blocks.

Which rows are equally near is part of what comes out (`ties`). In a list they are in ascending
order; that is a convention of lists, and no measure rests on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, integer, one_of
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, Namespace, Tensor, to_numpy
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.rows import Candidates, Rows, directions, duplicates, rows_at
from methexis.measures.neighbours.tied.ties import Tail, Ties, fewer, ties

__all__ = [
    "METRICS",
    "Indices",
    "Ranked",
    "copies",
    "directions",
    "nearest",
    "num_undirected",
    "products",
    "ranked",
    "rows_at",
]

METRICS = ("cosine", "euclidean", "dot")

#: Candidates beyond those that are asked for: rows closer together than rounding come in pairs.
SLACK = 4
#: Bytes of one block of products. Larger blocks leave the cache; smaller ones slow the products.
BLOCK_BYTES = 2**23
#: A product of two rows that lie anywhere takes as long as so many in a product of matrices.
SCATTERED = 16
#: Bytes of such rows that are gathered at a time.
GATHER_BYTES = 2**21
#: Pairs in groups beyond the k-th place that are kept, with all made of them 2 GB: equal rows of
#: ten classes up to 36,000 samples.
MOST_TIED = 2**27
#: Rows that are tried first: if most have to be multiplied with all others, all are at once.
PILOT = 32


@dataclass(frozen=True, eq=False)
class Ranked:
    """Lists of neighbours ``(num_samples, k)``, and what in them is equally near, if any is."""

    lists: Indices
    ties: Ties | None


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
        If there are not more than `k` rows, or so many are equally near that the groups take
        gigabytes.

    Examples
    --------
    >>> from methexis.measures.inputs.features import features
    >>> nearest(features("X", [[0.0], [1.0], [3.0], [7.0]]), 2, metric="euclidean").tolist()
    [[1, 2], [0, 2], [1, 0], [2, 1]]
    """
    return ranked(given, k, metric=metric, block_bytes=block_bytes).lists


def ranked(
    given: Features, k: int, *, metric: str = "cosine", block_bytes: int = BLOCK_BYTES
) -> Ranked:
    """Find the nearest neighbours of every row, with the groups of equally near rows.

    Parameters and errors as in `nearest`. A row of zeros has no direction; its cosine with every
    other row is taken to be 0, so that all others are equally near to it.

    Notes
    -----
    Cost: ``n² d`` multiplications and additions, memory beyond the features ``O(n k)``, twice that
    cost where most rows have ties; sparse features take as many as they have numbers. Groups of
    equally near rows beyond the k-th place take 5 bytes per member, or per row outside.

    Examples
    --------
    The second row is as near to the third as to the first:

    >>> from methexis.measures.inputs.features import features
    >>> near = ranked(features("X", [[0.0], [1.0], [2.0], [4.0]]), 2, metric="euclidean")
    >>> near.lists.tolist(), near.ties.first.tolist()
    ([[1, 2], [0, 2], [1, 0], [2, 1]], [[0, 1], [0, 0], [0, 1], [0, 1]])
    """
    one_of("metric", metric, METRICS)
    n = given.num_samples
    k = integer("k", k, least=1)
    if k >= n:
        raise MethexisError(
            f"k: expected fewer neighbours than {given.name} has other rows ({n - 1}), got {k}"
        )
    search = _Search(Rows(given, metric), k, block_bytes)
    if search.by_all():
        search.among_all(np.arange(n))
    else:
        search.by_blocks()
    return Ranked(search.lists, ties(n, k, search.firsts, search.tails))


def products(xp: Namespace, rows: Tensor, lists: Indices) -> Array:
    """Inner products of every row with those in its list, ``(num_samples, num_kept)``.

    Where lists are short beside all rows, only those products are made: a hundred times fewer, each
    of which takes several times as long, because it reads rows from anywhere.
    """
    n, width = (int(length) for length in rows.shape)
    kept, device = lists.shape[1], array_api_compat.device(rows)
    values = np.empty(lists.shape)
    few = SCATTERED * kept < n
    step = max((GATHER_BYTES // (8 * kept * width) if few else BLOCK_BYTES // (8 * n)), 1)
    for start in range(0, n, step):
        some = slice(start, start + step)
        index = xp.asarray(lists[some].astype(np.int64), device=device)
        if few:
            others = xp.take(rows, xp.reshape(index, (-1,)), axis=0)
            others = xp.reshape(others, (*index.shape, width))
            made = (others @ rows[some, :, None])[:, :, 0]
        else:
            made = xp.take_along_axis(rows[some] @ rows.T, index, axis=1)
        values[some] = to_numpy(made)
    return values


def copies(given: Features) -> list[tuple[int, int]]:
    """Rows that equal one before them, each with the first of those."""
    first = duplicates(given)
    rows = np.flatnonzero(first != np.arange(len(first)))
    return [(int(row), int(first[row])) for row in rows]


def num_undirected(given: Features) -> int:
    """How many rows are zero, and so have no direction."""
    xp = given.xp
    directed = xp.any(given.array != 0, axis=1)
    return given.num_samples - int(xp.sum(xp.astype(directed, xp.int64)))


class _Search:
    """The lists as they are found."""

    def __init__(self, rows: Rows, k: int, block_bytes: int) -> None:
        self.rows, self.k, self.block_bytes = rows, k, block_bytes
        self.n = rows.given.num_samples
        self.lists = np.empty((self.n, k), dtype=np.int32)
        self.firsts: dict[int, Indices] = {}
        self.tails: dict[int, Tail] = {}
        self.stored = 0

    def by_all(self) -> bool:
        """Whether every row is best multiplied with all others: sparse ones, or ties in most."""
        if self.rows.is_sparse:
            return True
        if self.n < 8 * PILOT:
            return False
        pilot = np.arange(PILOT) * (self.n // PILOT)
        self.among_all(pilot)
        return 2 * sum(row in self.tails for row in pilot.tolist()) > PILOT

    def by_blocks(self) -> None:
        """Every pair of blocks multiplied once; rows that this leaves open, settled after."""
        n, rows = self.n, self.rows
        size = max(int((self.block_bytes / rows.item_bytes) ** 0.5), 1)
        starts = range(0, n, size)
        count = min(self.k + SLACK, n - 1)
        best: list[Candidates | None] = [None] * len(starts)
        for p, first in enumerate(starts):
            one = slice(first, min(first + size, n))
            for q in range(p, len(starts)):
                other = slice(starts[q], min(starts[q] + size, n))
                product = rows.array[one] @ rows.array[other].T
                if q > p:
                    best[q] = rows.merged(best[q], product.T, one, count)
                best[p] = rows.merged(best[p], product, other, count, own=q == p)
        for first, candidates in zip(starts, best, strict=True):
            assert candidates is not None
            one_rows = np.arange(first, min(first + size, n))
            keys, indices = (to_numpy(v) for v in (candidates.keys, candidates.indices))
            self.lists[one_rows], sure = rows.sorted(one_rows, keys, indices, self.k)
            unsure = np.flatnonzero(~sure)
            still = [i for i in unsure if not self._closed(int(one_rows[i]), indices[i], keys[i])]
            self.among_all(one_rows[still])

    def _closed(self, row: int, others: NDArray[np.int64], keys: Array) -> bool:
        """Settle one row by its candidates, unless others may belong to the last group."""
        keys = keys.astype(np.float64)
        nearest_first, first, highest = self.rows.settled(row, others, keys, self.rows.relative)
        last = np.flatnonzero(first == first[self.k - 1])[-1]
        if len(others) < self.n - 1:
            # No row outside has a key below the largest candidate's, so none is nearer than that.
            largest = int(np.argmax(keys))
            slack = self.rows.tolerance(row, others[largest], keys[largest])
            if not keys[largest] - highest[last] > slack:
                return False
        self._keep(row, nearest_first, first)
        return True

    def _keep(self, row: int, nearest_first: Indices, first: Indices) -> None:
        """Take a list; the group of its last place goes beyond it if it has more members."""
        k = self.k
        self.lists[row], self.firsts[row] = nearest_first[:k], first[:k]
        self.tails.pop(row, None)
        if len(first) > k and first[k] == first[k - 1]:
            self.tails[row] = fewer(nearest_first[first == first[k - 1]], self.n, row)
            self.stored += len(self.tails[row].stored)
            if self.stored > MOST_TIED:
                raise MethexisError(
                    f"{self.rows.given.name}: expected fewer rows at the same distance, got groups "
                    f"of more than {MOST_TIED} pairs among {self.n} rows, which take gigabytes; "
                    "take fewer samples, or a measure of all pairs (cka, rsa)"
                )

    def among_all(self, chosen: NDArray[np.int64]) -> None:
        """Settle rows by their keys of all others."""
        step = max(self.block_bytes // (8 * self.n), 1)
        for start in range(0, len(chosen), step):
            self._among_all(chosen[start : start + step])

    def _among_all(self, chosen: NDArray[np.int64]) -> None:
        rows = self.rows
        keys = rows.all_keys(chosen)
        last = np.argpartition(keys, self.k - 1, axis=1)[:, self.k - 1 : self.k]
        kth = np.take_along_axis(keys, last, axis=1)
        relative = rows.sharpness[chosen, None]
        reach = relative * (rows.squares[chosen, None] + 2.0 * float(rows.squares.max()))
        tolerance = rows.tolerance(chosen[:, None], last, kth)
        # Where ties are many, all that are near the k-th are mostly one group, and need no sorting.
        inner = keys < kth - 2.0 * (tolerance + reach)
        near = keys <= kth + 2.0 * (tolerance + reach)
        high = np.max(keys, axis=1, initial=-np.inf, where=near, keepdims=True)
        low = np.min(keys, axis=1, initial=np.inf, where=near & ~inner, keepdims=True)
        below = np.max(keys, axis=1, initial=-np.inf, where=inner, keepdims=True)
        apart = low - below > reach + tolerance
        apart &= kth + 2.0 * (tolerance + reach) - high > reach + tolerance
        alike = (high - low + reach <= tolerance) & apart
        for i, row in enumerate(chosen.tolist()):
            if alike[i, 0]:
                self._settle_inner(row, keys[i], inner[i], near[i])
            else:
                self._settle(row, keys[i], float(kth[i, 0] + 2.0 * (tolerance + reach)[i, 0]))

    def _settle_inner(
        self, row: int, keys: Array, inner: NDArray[np.bool_], near: NDArray[np.bool_]
    ) -> None:
        """Settle the places before the group of the k-th place, which is known already."""
        before = np.flatnonzero(inner)
        group = np.flatnonzero(near & ~inner).astype(np.int32)
        relative = float(self.rows.sharpness[row])
        inner_lists, first, _ = self.rows.settled(row, before, keys[before], relative)
        starts = np.full(len(group), len(before), dtype=np.int32)
        self._keep(row, np.concatenate([inner_lists, group]), np.concatenate([first, starts]))

    def _settle(self, row: int, keys: Array, limit: float) -> None:
        """Settle a row among keys below a limit, raised until no other row can be as near.

        Bounds differ between others: a key that is low may belong to one that is far.
        """
        relative = float(self.rows.sharpness[row])
        while True:
            members = np.flatnonzero(keys <= limit)
            if len(members) < self.k:
                limit = float(np.partition(keys, self.k - 1)[self.k - 1])
                continue
            nearest_first, first, highest = self.rows.settled(row, members, keys[members], relative)
            last = np.flatnonzero(first == first[self.k - 1])[-1]
            widest = int(np.argmax(np.where(np.isfinite(keys), self.rows.lengths, 0.0)))
            needed = highest[last] + self.rows.tolerance(row, np.array(widest), highest[last])
            if len(members) == self.n - 1 or limit > needed:
                break
            limit = float(needed) + abs(float(needed)) * 1e-12
        self._keep(row, nearest_first, first)
