"""The chance that two steps lead back under ties.

From sample i the first step goes to all j that are its neighbours in one representation; from j the
second leads back with chance ``a_ji`` in the other, for all j independently, as each breaks the
ties of its own list. So no step leads back with chance

    Π_{j strictly among the nearest} (1 - a_ji)  ·  E_S Π_{j in S} (1 - a_ji),

S being m members of the boundary group, drawn at random. That mean is the elementary symmetric
polynomial of degree m over the number of choices, and is made member by member: of t members, l are
drawn with mean ``f_t(l) = (1 - l/t) f_{t-1}(l) + (l/t) q_t f_{t-1}(l - 1)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property
from methexis.measures.neighbours.indices import Indices
from methexis.measures.neighbours.tied.expected import Groups
from methexis.measures.neighbours.tied.ties import Integers
from methexis.measures.pairs.row_form import RowForm

#: Entries of a block of rows over all samples, and of chances that are looked up at once.
BLOCK = 2**22
#: Samples of which the chances of all pairs are kept side by side.
SIDE = 2048


def expected_returns(a: Groups, b: Groups) -> Array:
    """The chance that a step in the second and one in the first lead back, ``(num_samples,)``."""
    itself = np.arange(len(a.begin), dtype=np.int32)[None]
    return np.asarray(returns_under(a, b, itself)[0])


def returns_under(a: Groups, b: Groups, names: Indices) -> Array:
    """These chances where row r of the second is sample ``names[o, r]``, ``(num_orders, rows)``.

    Steps stay those of the second's own rows; only where they lead in the first differs.
    """
    back, first = Back(a.chances), Steps(b)
    chances = np.empty(names.shape)
    step = max(BLOCK // max(len(first.columns), 1), 1)
    for start in range(0, len(names), step):
        chances[start : start + step] = 1.0 - _lost(back, first, names[start : start + step])
    return chances


@dataclass(frozen=True, eq=False)
class Back:
    """Chances of one step of the first representation, to look up at many pairs."""

    chances: RowForm

    @cached_property
    def _whole(self) -> Array:
        return np.asarray(self.chances.values.toarray() + self.chances.rest[:, None])

    @cached_property
    def _keys(self) -> Integers:
        values = self.chances.values
        rows = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
        return np.asarray(rows * values.shape[1] + values.indices)

    def missed(self, rows: Indices, columns: Indices) -> Array:
        """The chance that a step from each of some samples does not lead to another."""
        n = self.chances.num_samples
        if n <= SIDE:
            return np.asarray(1.0 - self._whole[rows, columns])
        chance = self.chances.rest[rows]
        if len(self._keys):
            wanted = rows.astype(np.int64) * n + columns
            place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
            chance += np.where(self._keys[place] == wanted, self.chances.values.data[place], 0.0)
        return np.asarray(1.0 - chance)


class Steps:
    """First steps: to whom they lead surely, and the boundary groups of which some are drawn."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        labels = groups.labels
        self.num_rows, self.columns = len(groups.begin), labels.indices
        self.rows = np.repeat(np.arange(self.num_rows), np.diff(labels.indptr))
        self.strict = labels.data <= groups.begin[self.rows]
        drawn = groups.begin < groups.k
        self.alone = drawn & (groups.places == 1)
        self.several = np.flatnonzero(drawn & ~self.alone)


def _lost(back: Back, steps: Steps, names: Indices) -> Array:
    """The chance that no step leads back, ``(num_orders, num_rows)``."""
    b, n = steps.groups, steps.num_rows
    missed = back.missed(names[:, steps.columns], names[:, steps.rows])
    lost = np.ones(names.shape)
    _reduce(np.multiply, missed[:, steps.strict], steps.rows[steps.strict], lost)
    if steps.alone.any():
        # One member: the mean of its chance over the group.
        total, tail = np.zeros(names.shape), np.zeros(names.shape)
        _reduce(np.add, missed[:, ~steps.strict], steps.rows[~steps.strict], total)
        stored = np.repeat(np.arange(n), np.diff(b.tail.indptr))
        step = max(BLOCK // max(len(stored), 1), 1)
        for start in range(0, len(names), step):
            some = names[start : start + step]
            by_tail = back.missed(some[:, b.tail.indices], some[:, stored])
            _reduce(np.add, by_tail, stored, tail[start : start + step])
        whole = ((n - 1) - back.chances.column_sums)[names]
        total = np.where(b.in_tail, np.where(b.outside, whole - tail, tail), total)
        lost[:, steps.alone] *= (total / b.size)[:, steps.alone]
    width = max(BLOCK // n, 1)
    for start in range(0, len(steps.several), width):
        rows = steps.several[start : start + width]
        lost[:, rows] *= _drawn(back, b, rows, names)
    return lost


def _reduce(how: np.ufunc, values: Array, rows: Integers, into: Array) -> None:
    """Reduce the values of each row, which are side by side, into that row's column."""
    if len(rows):
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        into[:, rows[starts]] = how.reduceat(values, starts, axis=1)


def members(groups: Groups, rows: Integers) -> Any:
    """Which samples are in the boundary groups of some, ``(num_rows, num_samples)``."""
    labels = groups.labels[rows].toarray()
    inside = labels == groups.begin[rows, None] + 1
    stored = groups.tail[rows].toarray() != groups.outside[rows, None]
    inside |= stored & groups.in_tail[rows, None]
    inside[np.arange(len(rows)), rows] = False
    return inside


def _drawn(back: Back, groups: Groups, rows: Integers, names: Indices) -> Array:
    """Mean product over random choices of as many members as there are places."""
    inside = members(groups, rows)
    count = np.count_nonzero(inside, axis=1)
    largest_first = np.argsort(-count, kind="stable")
    rows, inside, count = rows[largest_first], inside[largest_first], count[largest_first]
    row, column = np.nonzero(inside)
    listed = np.zeros((len(rows), int(count[0])), dtype=np.int64)
    listed[row, np.arange(len(row)) - (np.cumsum(count) - count)[row]] = column
    means = np.empty((len(names), len(rows)))
    step = max(BLOCK // listed.size, 1)
    for start in range(0, len(names), step):
        some = names[start : start + step]
        missed = back.missed(some[:, listed], some[:, rows, None])
        means[start : start + step] = _mean_products(missed, count, groups.places[rows])
    back_in_place = np.empty_like(means)
    back_in_place[:, largest_first] = means
    return back_in_place


def _mean_products(missed: Array, count: Integers, places: Integers) -> Array:
    """Means for rows of which each has no more members than the one before."""
    number = np.arange(int(places.max()) + 1)
    products = np.zeros((*missed.shape[:2], len(number)))
    products[:, :, 0] = 1.0
    for place in range(missed.shape[2]):
        some = int(np.count_nonzero(count > place))
        share = np.minimum(number / (place + 1.0), 1.0)
        before = products[:, :some]
        after = (1.0 - share) * before
        after[:, :, 1:] += share[1:] * missed[:, :some, place, None] * before[:, :, :-1]
        products[:, :some] = after
    return np.asarray(products[:, np.arange(len(count)), places])
