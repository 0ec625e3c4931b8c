"""Scores under ties: averages over the ways in which each side's ties could be broken.

Of sample i, one representation has its nearest groups and a boundary group (`ties`), and so has the
other. All that scores of the two lists depend on is how many rows each group of one shares with
each of the other, the *table* of the sample: rows in one cell of it can be exchanged for each
other. Three kinds of score are averaged in three ways.

Sums over ``a_ij b_ij``: chances of independent draws multiply, and the average is at hand.

Functions of the number of shared neighbours: m of a group's members drawn at random fall into the
cells as hypergeometric laws say, so the average is a finite sum, exact.

Functions of the order: the average over `NUM_DRAWS` orders of each sample's ties, drawn once and
for all. Which numbers are drawn depends on the table alone, and the members of a cell are named by
their place in it; so the average is a function of the table, as the exact one would be, and hence
blind to how rows are numbered. Half of the draws are the other half with the two sides exchanged,
so that a symmetric score stays symmetric. Both together are off by the spread of one sample's score
over ties divided by ``√(NUM_DRAWS num_samples)``; no test is: `ties` says that any function of the
tables is tested exactly by orders of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import gammaln

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property
from methexis.measures.measure import NullMoments, Orders
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.tied.ties import Booleans, Integers, Ties, names_under, renamed
from methexis.measures.pairs.row_form import RowForm, scaled

#: Skewness of a null above which, with ties, it is taken to have few values. A score of c and c'
#: classes of equal rows is a quadratic form of about (c - 1)(c' - 1) degrees of freedom, whose
#: skewness is √8 over their root: 1.4 for three classes by three, of which 40 samples have hundreds
#: of tables; 2.8 for two by two, which have ten, and a smooth tail can be half of theirs.
FEW_VALUES = 1.5
#: Ways of breaking ties that scores of orders are averaged over.
NUM_DRAWS = 16
#: Places of lists that are drawn at once.
BLOCK = 2**17


def with_ties(moments: NullMoments) -> NullMoments:
    """Moments of a score under ties, whose tail cannot be trusted where it takes few values."""
    return replace(moments, dominance=1.0) if abs(moments.skewness) > FEW_VALUES else moments


@dataclass(frozen=True, eq=False)
class Groups:
    """The k places of each sample's neighbours, by groups of equally near rows.

    Attributes
    ----------
    nearest : array (num_samples, k)
        The k nearest, one way of breaking ties.
    starts : array (num_samples, k)
        Where the group begins that has each place.
    begin : array (num_samples,)
        Where the boundary group begins; k where whole groups fill the places.
    size : array (num_samples,)
        Number of the boundary group's members; 1 where there is no such group.
    labels : sparse array (num_samples, num_samples)
        One more than `starts`, at the members of all groups but those in `tail`.
    tail : sparse array (num_samples, num_samples) of bool
        The boundary group where it is stored apart, or what is outside it.
    in_tail, outside : array (num_samples,)
        Whether it is, and by what is outside.
    loose : array (num_samples,)
        Where ties leave the order of the k nearest open.
    """

    nearest: Indices
    starts: Integers
    begin: Integers
    size: Integers
    labels: Any
    tail: Any
    in_tail: Booleans
    outside: Booleans
    loose: Booleans

    @property
    def k(self) -> int:
        """How many neighbours of each sample are compared."""
        return int(self.nearest.shape[1])

    @property
    def places(self) -> Integers:
        """How many places the boundary group fills."""
        return np.asarray(self.k - self.begin)

    @property
    def share(self) -> Array:
        """The chance of a place that each of its members has."""
        return np.asarray(self.places / self.size)

    @cached_property
    def ones(self) -> Any:
        """A one at each entry of `labels`."""
        data = np.ones_like(self.labels.data)
        shape = self.labels.shape
        return sparse.csr_array((data, self.labels.indices, self.labels.indptr), shape=shape)

    @cached_property
    def stored(self) -> Any:
        """`tail` as a matrix of integers."""
        return self.tail.astype(np.int64)

    @cached_property
    def members(self) -> Integers:
        """How many rows each group has, ``(num_samples, k + 1)``, by label."""
        rows = np.repeat(np.arange(len(self.begin)), np.diff(self.labels.indptr))
        sizes = counted(rows, self.labels.data, (len(self.begin), self.k + 1))
        sizes[self.in_tail, self.begin[self.in_tail] + 1] = self.size[self.in_tail]
        return sizes

    @cached_property
    def chances(self) -> RowForm:
        """The chance ``a_ij`` that j is among the k nearest of i."""
        return self.valued(np.ones(self.labels.nnz), np.ones(len(self.begin)))

    def valued(self, values: Array, rest: Array) -> RowForm:
        """The chances times values: of each entry of `labels`, and of the tail of each sample."""
        rows = np.repeat(np.arange(len(self.begin)), np.diff(self.labels.indptr))
        strict = self.labels.data <= self.begin[rows]
        data = values * np.where(strict, 1.0, self.share[rows])
        shape = self.labels.shape
        stored = sparse.csr_array((data, self.labels.indices, self.labels.indptr), shape=shape)
        share = np.where(self.in_tail, self.share * rest, 0.0)
        sign = np.where(self.outside, -1.0, 1.0)
        stored = sparse.csr_array(stored + scaled(self.stored.astype(np.float64), sign * share))
        stored.sort_indices()
        return RowForm(stored, np.where(self.outside, share, 0.0))

    def repeated(self, count: int) -> Groups:
        """The groups repeated so many times, one copy below the other; columns stay the samples."""
        rows = np.tile(np.arange(len(self.begin)), count)
        return self._taken(rows, self.nearest[rows], self.labels[rows], self.tail[rows])

    def under(self, orders: Orders) -> Groups:
        """The groups of the samples in each of the orders, one below the other."""
        rows = orders.ravel()
        nearest = self.nearest[rows].reshape(len(orders), -1)
        return self._taken(
            rows,
            np.take_along_axis(names_under(orders), nearest, axis=1).reshape(len(rows), self.k),
            renamed(self.labels, orders),
            renamed(self.tail, orders),
        )

    def _taken(self, rows: Integers, nearest: Indices, labels: Any, tail: Any) -> Groups:
        return Groups(
            nearest=nearest,
            starts=self.starts[rows],
            begin=self.begin[rows],
            size=self.size[rows],
            labels=labels,
            tail=tail,
            in_tail=self.in_tail[rows],
            outside=self.outside[rows],
            loose=self.loose[rows],
        )


def groups(lists: Indices, k: int, ties: Ties | None) -> Groups:
    """The groups of the k nearest; without ties every one is a group."""
    n, kept = lists.shape
    if ties is None:
        lists, kept = lists[:, :k], k
        none = sparse.csr_array((n, n), dtype=bool)
        first = np.tile(np.arange(k, dtype=np.int32), (n, 1))
        ties = Ties(first, np.full(n, k), none, np.zeros(n, dtype=bool), np.zeros(n, np.int64))
    begin, size, in_tail = ties.boundary(k)
    whole = ~in_tail & (begin + size <= k)
    starts = np.where(
        whole[:, None], ties.first[:, :k], np.minimum(ties.first[:, :k], begin[:, None])
    )
    kept_places = (ties.first < k) & (np.arange(kept) < ties.length[:, None])
    ends = np.concatenate([[0], np.cumsum(np.count_nonzero(kept_places, axis=1))])
    labels = sparse.csr_array(
        ((ties.first[kept_places] + 1).astype(np.int64), lists[kept_places], ends), shape=(n, n)
    )
    labels.sort_indices()
    used = sparse.csr_array(ties.tail.multiply(in_tail[:, None])).astype(bool)
    return Groups(
        lists[:, :k],
        starts.astype(np.int64),
        np.where(whole, k, begin).astype(np.int64),
        np.where(whole, 1, size).astype(np.int64),
        labels,
        used,
        in_tail,
        ties.outside & in_tail,
        ties.loose(k, ordered=True),
    )


@dataclass(frozen=True, eq=False)
class Overlap:
    """How many rows the groups before the boundary, and the boundary groups, share; per sample."""

    both: Integers
    first: Integers
    second: Integers
    neither: Integers


def overlap(a: Groups, b: Groups) -> Overlap:
    """Shared rows: both before the boundary, before that of the first only, of the second, none."""
    n, (rows, one, other) = len(a.begin), shared_labels(a, b)
    inner, beyond = one <= a.begin[rows], other <= b.begin[rows]
    both, first, second, neither = (
        np.bincount(rows[chosen], minlength=n)
        for chosen in (inner & beyond, inner & ~beyond, ~inner & beyond, ~inner & ~beyond)
    )
    in_second, in_first = in_tail(a, b), in_tail(b, a)
    places = np.arange(a.k + 1)
    before_a, before_b = (places <= v.begin[:, None] for v in (a, b))
    return Overlap(
        both,
        first + np.sum(in_second * before_a, axis=1),
        second + np.sum(in_first * before_b, axis=1),
        neither
        + np.sum(in_second * ~before_a, axis=1)
        + np.sum(in_first * ~before_b, axis=1)
        + tails(a, b),
    )


def expected_share(a: Groups, b: Groups) -> Array:
    """The chance of being a neighbour in one times that in the other, summed; over k."""
    rows_shared = overlap(a, b)
    shared = (
        rows_shared.both
        + b.share * rows_shared.first
        + a.share * rows_shared.second
        + a.share * b.share * rows_shared.neither
    )
    return np.asarray(shared / a.k)


def shared_labels(a: Groups, b: Groups) -> tuple[Integers, Integers, Integers]:
    """Where both have a label: the sample, and both labels."""
    one = sparse.csr_array(a.labels.multiply(b.ones))
    other = sparse.csr_array(b.labels.multiply(a.ones))
    one.sort_indices()
    other.sort_indices()
    rows = np.repeat(np.arange(len(a.begin)), np.diff(one.indptr))
    return rows, one.data, other.data


def in_tail(a: Groups, b: Groups) -> Integers:
    """How many labelled rows of the first are in the tail of the second, by label."""
    shared = sparse.csr_array(a.labels.multiply(b.stored))
    rows = np.repeat(np.arange(len(a.begin)), np.diff(shared.indptr))
    counts = counted(rows, shared.data, (len(a.begin), a.k + 1))
    labelled = a.members.copy()
    labelled[a.in_tail, a.begin[a.in_tail] + 1] = 0
    return np.where(b.outside[:, None], labelled - counts, counts)


def tails(a: Groups, b: Groups) -> Integers:
    """How many rows the two tails share."""
    n = a.labels.shape[1]
    shared = np.asarray(a.stored.multiply(b.stored).sum(axis=1)).ravel()
    one, other = (np.diff(v.tail.indptr) for v in (a, b))
    shared_by_tails = np.where(
        a.outside,
        np.where(b.outside, n - 1 - one - other + shared, other - shared),
        np.where(b.outside, one - shared, shared),
    )
    return np.where(a.in_tail & b.in_tail, shared_by_tails, 0).astype(np.int64)


def counted(rows: Integers, labels: Integers, shape: tuple[int, int]) -> Integers:
    """How often each label comes in each row."""
    counts = np.bincount(rows * shape[1] + labels, minlength=shape[0] * shape[1])
    return np.asarray(counts.reshape(shape), dtype=np.int64)


def at_labels(lists: Indices, k: int, ties: Ties | None, values: Array) -> tuple[Array, Array]:
    """Values of the places of lists, in the order of `labels`, and that of each sample's tail."""
    n, kept = lists.shape
    if ties is None:
        chosen, tail = np.arange(kept) < k, np.zeros(n)
        chosen = np.broadcast_to(chosen, lists.shape)
    else:
        chosen = (ties.first < k) & (np.arange(kept) < ties.length[:, None])
        place = np.minimum(ties.length, kept - 1)
        tail = np.where(ties.length < k, values[np.arange(n), place], 0.0)
    order = np.lexsort((lists[chosen], np.nonzero(chosen)[0]))
    return values[chosen][order], tail


# Functions of the number of shared neighbours.


def expected_number(a: Groups, b: Groups, value: Callable[[Array], Array]) -> Array:
    """The average of a function of how many neighbours are shared, exactly; ``(num_samples,)``.

    With c rows shared before both boundaries, u drawn from the first's boundary group that the
    second has before its own, and v drawn that are in its boundary group, w more are shared: a
    hypergeometric number, of the second's draws among what the first has.
    """
    rows_shared = overlap(a, b)
    keys = np.stack(
        [
            rows_shared.both,
            rows_shared.first,
            rows_shared.second,
            rows_shared.neither,
            a.places,
            a.size,
            b.places,
            b.size,
        ]
    ).T.astype(np.int64)
    kinds, which = np.unique(keys, axis=0, return_inverse=True)
    k = a.k
    averages = np.empty(len(kinds))
    step = max(2**22 // (k + 1) ** 3, 1)
    number = np.arange(k + 1)
    u, v = number[:, None], number[None, :]
    for start in range(0, len(kinds), step):
        part = kinds[start : start + step, :, None, None].transpose(1, 0, 2, 3)
        both, first, second, neither, places, size, others, other_size = part
        drawn = np.exp(
            _log_choices(second, u)
            + _log_choices(neither, v)
            + _log_choices(size - second - neither, places - u - v)
            - _log_choices(size, places)
        )
        # Rows: v; columns: w.
        marked = first + number[:, None]
        more = np.exp(
            _log_choices(marked, v)
            + _log_choices(other_size - marked, others - v)
            - _log_choices(other_size, others)
        )
        values = value(np.minimum(both + u + v, k).astype(float))  # beyond k nothing has a chance
        averages[start : start + step] = np.einsum("tuv,tvw,tuw->t", drawn, more, values)
    return averages[which.ravel()]


def _log_choices(total: Any, chosen: Any) -> Array:
    """Logarithm of a binomial coefficient; minus infinity where there is no such choice."""
    total, chosen = np.broadcast_arrays(total, chosen)
    possible = (chosen >= 0) & (chosen <= total)
    n, c = (np.where(possible, v, 0) for v in (total, chosen))
    known = _log_factorials(int(n.max(initial=0)).bit_length())
    return np.where(possible, known[n] - known[c] - known[n - c], -np.inf)


@cache
def _log_factorials(bits: int) -> Array:
    """Logarithms of the factorials of all numbers of so many bits."""
    return np.asarray(gammaln(np.arange(2**bits) + 1.0))


# Functions of the order.


def expected_lists(a: Groups, b: Groups, alike: Callable[[Any, Any], Array]) -> Array:
    """The average of a function of two lists over orders of their ties, ``(num_samples,)``."""
    averages = np.empty(len(a.begin))
    loose = a.loose | b.loose
    if not loose.all():
        averages[~loose] = alike(a.nearest[~loose], b.nearest[~loose])
    rows = np.flatnonzero(loose)
    if len(rows) == 0:
        return averages
    tables = tables_of(a, b)[rows]
    step = max(BLOCK // (NUM_DRAWS * a.k), 1)
    for start in range(0, len(rows), step):
        some, part = rows[start : start + step], tables[start : start + step]
        one, other = (np.asarray(names).reshape(a.k, -1).T for names in _drawn(part, a, b, some))
        averages[some] = alike(one, other).reshape(NUM_DRAWS, len(some)).mean(axis=0)
    return averages


def tables_of(a: Groups, b: Groups) -> Integers:
    """Rows that each group of one shares with each of the other, ``(num_samples, k + 1, k + 1)``.

    By labels; at 0 those that are in no group of the other.
    """
    n, size = len(a.begin), a.k + 1
    rows, one, other = shared_labels(a, b)
    tables = counted(rows, one * size + other, (n, size**2)).reshape(n, size, size)
    every = np.arange(n)
    last_a, last_b = (np.minimum(v.begin + 1, a.k) for v in (a, b))
    tables[every, :, last_b] += in_tail(a, b)
    tables[every, last_a, :] += in_tail(b, a)
    tables[every, last_a, last_b] += tails(a, b)
    tables[:, 1:, 0] = a.members[:, 1:] - tables[:, 1:, 1:].sum(axis=2)
    tables[:, 0, 1:] = b.members[:, 1:] - tables[:, 1:, 1:].sum(axis=1)
    return np.asarray(tables)


def _drawn(tables: Integers, a: Groups, b: Groups, rows: Integers) -> tuple[Integers, Integers]:
    """Lists of both under each draw, ``(k, NUM_DRAWS, num_rows)``; equal numbers are equal rows."""
    k, half = a.k, NUM_DRAWS // 2
    generator = np.random.default_rng(0)
    numbers = generator.random((2, half, k))
    # Every table has draws of its own: the same numbers, moved by a sum over its cells that does
    # not change when the sides do.
    weights = generator.integers(1, 2**62, size=(k + 1, k + 1, k), dtype=np.uint64)
    weights = weights + weights.transpose(1, 0, 2)
    moved = tables.reshape(len(tables), -1).astype(np.uint64) @ weights.reshape(-1, k)
    # The other side has the same draws, its second half first.
    one = np.concatenate([numbers[0], numbers[1]]).T[:, :, None] + (moved.T / 2.0**64)[:, None, :]
    one -= np.floor(one)
    np.minimum(one, 1.0 - 2.0**-53, out=one)
    other = np.concatenate([one[:, half:], one[:, :half]], axis=1)
    # A member's name: its group in a, its group in b, its place in what both share.
    far = int(tables.max(initial=0)) + 1
    kind: Any = np.int32 if (k + 1) ** 2 * far < 2**31 else np.int64
    cell, place = _members(tables, a.starts[rows], a.members[rows], one)
    label = ((a.starts[rows].T + 1) * ((k + 1) * far)).astype(kind)[:, None, :]
    names_a = np.where(cell == 0, kind(-1), cell * kind(far) + place + label)
    turned = tables.transpose(0, 2, 1)
    cell, place = _members(turned, b.starts[rows], b.members[rows], other)
    label = ((b.starts[rows].T + 1) * far).astype(kind)[:, None, :]
    names_b = np.where(cell == 0, kind(-2), cell * kind((k + 1) * far) + place + label)
    return names_a, names_b


def _members(
    tables: Integers, starts: Integers, members: Integers, numbers: Array
) -> tuple[Integers, Integers]:
    """The cell that each place of a list is drawn from, and which of its members is drawn.

    Both are ``(k, num_draws, num_rows)``. Members of a group are taken cell by cell; those in no
    group of the other side are last, and their cell is 0.
    """
    # Small integers, rows of samples last: these loops are all that a null under ties costs.
    k = starts.shape[1]
    every = np.arange(len(tables))[:, None]
    size = members[every, starts + 1]
    kind = np.min_scalar_type(-int(size.max(initial=1)) - k - 1)
    none = kind.type(np.iinfo(kind).max)
    picks = np.empty(numbers.shape, dtype=kind)
    taken = np.full_like(picks, none)  # of the group, in ascending order
    behind = np.empty(numbers.shape[1:], dtype=bool)
    for p in range(k):
        taken[:p] |= (starts[:, p] == p).astype(kind) * none  # a new group
        pick = (numbers[p] * (size[:, p] - (p - starts[:, p]))).astype(kind)
        for q in range(p):  # members that are taken are passed over
            np.greater_equal(pick, taken[q], out=behind)
            pick += behind.view(np.int8)
        picks[p] = pick
        spare = np.empty_like(pick)
        for q in range(p):
            np.maximum(taken[q], pick, out=spare)
            np.minimum(taken[q], pick, out=taken[q])
            pick, spare = spare, pick
        taken[p] = pick
    sizes = np.ascontiguousarray(tables.astype(kind)[every, starts + 1].T)
    cell, start = np.zeros_like(picks), np.zeros_like(picks)
    end = np.zeros((k, 1, len(tables)), dtype=kind)
    for c in range(1, k + 1):
        end += sizes[c][:, None, :]
        beyond = (picks >= end).view(np.int8)
        cell += beyond
        np.maximum(start, end * beyond, out=start)
    cell += 1
    cell *= cell <= k
    return cell, picks - start
