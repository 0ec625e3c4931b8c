"""Which rows are equally near, and so what a list of neighbours leaves open.

Features that are counts, codes, labels or copies put many rows at the same distance. A list of the
k nearest must then leave some of them out, and no rule that looks at one representation can say
which: by row number, two unrelated representations leave out the same ones and seem aligned. So
nothing is left out. The others of a sample i form groups of equally near ones; the k places are
given to whole groups, nearest first, until a group has more members than places are left. That is
the *boundary group* ``B_i``, of which ``m_i`` of ``|B_i|`` are neighbours, any m_i alike.

Scores are what they would be on average if each sample's boundary group were drawn from at random,
by each representation independently:

    a_ij = 1 in the groups before,  m_i/|B_i| in the boundary group,  0 beyond

is the chance that j is a neighbour of i. A score that is a sum over ``a_ij b_ij`` is its average at
once; `expected` has the others. This depends on which rows are equally near and on nothing else.
So it does not change when the rows of both are put in another order; and so it is a function
``T`` of the two representations which is the same for every pairing of their rows. If the rows
are exchangeable under the null hypothesis, so are the scores ``T(X, Y_π)`` over all orders π, and
the share of orders with a score at least as high is a p-value that is never too small, whatever is
tied. Without ties every ``a_ij`` is 0 or 1, and nothing changes.

A group may hold nearly all rows (most pairs of sparse features have cosine 0). It is stored by its
members or by those outside it, whichever are fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from methexis.measures.neighbours.indices import Indices

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ties:
    """Groups of equally near rows in lists of neighbours.

    Attributes
    ----------
    first : array (num_samples, num_kept) of int32
        The place in the list where the group of each place begins.
    length : array (num_samples,)
        How many places of a list hold whole groups.
    tail : sparse array (num_samples, num_samples) of bool
        The group that comes next, which the list cuts; a row of nothing where the list cuts none.
    outside : array (num_samples,) of bool
        Whether `tail` has the rows outside that group instead, apart from the sample itself.
    size : array (num_samples,)
        Rows in that group.
    """

    first: Indices
    length: Integers
    tail: Any
    outside: Booleans
    size: Integers

    def boundary(self, k: int) -> tuple[Integers, Integers, Booleans]:
        """Where the group of place k begins, its size, and whether it is the tail."""
        in_tail = self.length < k
        begin = np.where(in_tail, self.length, self.first[:, k - 1])
        places = np.arange(self.first.shape[1])
        same = (self.first == begin[:, None]) & (places < self.length[:, None])
        return begin, np.where(in_tail, self.size, np.count_nonzero(same, axis=1)), in_tail

    def loose(self, k: int, *, ordered: bool) -> Booleans:
        """Samples of which ties leave open who the k nearest are, or (ordered) in which order."""
        if ordered:
            alone = self.first[:, :k] == np.arange(k)
            begin, size, in_tail = self.boundary(k)
            unordered: Booleans = ~alone.all(axis=1) | in_tail | (begin + size > k)
            return unordered
        begin, size, in_tail = self.boundary(k)
        undecided: Booleans = (begin + size > k) | in_tail
        return undecided

    def reordered(self, order: Integers) -> Ties:
        """The ties of the samples in another order."""
        return Ties(
            self.first[order],
            self.length[order],
            renamed(self.tail, order[None]),
            self.outside[order],
            self.size[order],
        )


@dataclass(frozen=True, eq=False)
class Tail:
    """One group of `Ties.tail`: its members, or the others outside it, and how many members."""

    stored: Indices
    outside: bool
    size: int


def names_under(orders: Integers) -> Indices:
    """The new number of every sample in each order: sample ``orders[r, i]`` becomes ``i``."""
    names = np.empty(orders.shape, dtype=np.int32)
    np.put_along_axis(names, orders, np.arange(orders.shape[1], dtype=np.int32)[None], axis=1)
    return names


def renamed(matrix: Any, orders: Integers) -> Any:
    """Rows and columns of a sparse matrix in each of some orders, one below the other."""
    names = names_under(orders)
    taken = matrix[orders.ravel()]
    block = np.repeat(np.arange(len(orders)), np.diff(taken.indptr[:: orders.shape[1]]))
    shape = (orders.size, matrix.shape[1])
    under_new_names = sparse.csr_array(
        (taken.data, names[block, taken.indices], taken.indptr), shape=shape
    )
    under_new_names.sort_indices()
    return under_new_names


def ties(
    num_samples: int, num_kept: int, firsts: dict[int, Indices], tails: dict[int, Tail]
) -> Ties | None:
    """Ties of all lists from those of some; None where there are none.

    Parameters
    ----------
    num_samples, num_kept : int
        Shape of the lists.
    firsts : dict
        For samples of which some others are equally near: where the group of each place begins.
    tails : dict
        For those whose last group is cut: that group.
    """
    n = num_samples
    places = np.arange(num_kept, dtype=np.int32)
    firsts = {
        row: first for row, first in firsts.items() if row in tails or (first != places).any()
    }
    if not firsts:
        return None
    first = np.tile(places, (n, 1))
    length, size = np.full(n, num_kept), np.zeros(n, dtype=np.int64)
    outside = np.zeros(n, dtype=bool)
    for row, starts in firsts.items():
        first[row] = starts
    stored: list[Indices] = [np.empty(0, dtype=np.int32)] * n
    for row, tail in tails.items():
        length[row], size[row] = first[row, -1], tail.size
        stored[row], outside[row] = tail.stored, tail.outside
    return Ties(first, length, pattern(stored, n), outside, size)


def fewer(members: Indices, num_samples: int, row: int) -> Tail:
    """A group of others of a row, by its members or by those outside it, whichever are fewer."""
    if 2 * len(members) <= num_samples - 1:
        return Tail(members, False, len(members))
    left = np.ones(num_samples, dtype=bool)
    left[members] = False
    left[row] = False
    return Tail(np.flatnonzero(left).astype(np.int32), True, len(members))


def pattern(rows: list[Indices], num_columns: int) -> Any:
    """A sparse matrix of ones at the given columns of each row."""
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    columns = np.concatenate(rows) if rows else np.empty(0, dtype=np.int32)
    ones = np.ones(len(columns), dtype=bool)
    return sparse.csr_array((ones, columns, ends), shape=(len(rows), num_columns))
