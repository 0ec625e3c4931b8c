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

from typing import Any

import numpy as np
from scipy import sparse

from methexis.core.checks import Array
from methexis.measures.neighbours.tied.expected import Groups
from methexis.measures.neighbours.tied.ties import Integers

#: Entries of a block of rows over all samples.
BLOCK = 2**22


def expected_returns(a: Groups, b: Groups) -> Array:
    """The chance that a step in the second and one in the first lead back, ``(num_samples,)``."""
    n, form = len(a.begin), a.chances
    back = sparse.csr_array(form.values.T)
    back.sort_indices()
    rows = np.repeat(np.arange(n), np.diff(b.labels.indptr))
    strict = b.labels.data <= b.begin[rows]
    missed = 1.0 - (_at(back, rows, b.labels.indices) + form.rest[b.labels.indices])
    lost = np.ones(n)
    np.multiply.at(lost, rows[strict], missed[strict])
    open_ = b.begin < b.k
    alone = open_ & (b.places == 1)
    if alone.any():
        # One member: the mean of its chance over the group.
        total = np.bincount(rows[~strict], weights=missed[~strict], minlength=n)
        stored = np.repeat(np.arange(n), np.diff(b.tail.indptr))
        missed_by_tail = 1.0 - (_at(back, stored, b.tail.indices) + form.rest[b.tail.indices])
        tail = np.bincount(stored, weights=missed_by_tail, minlength=n)
        whole = (n - 1) - form.column_sums
        total = np.where(b.in_tail, np.where(b.outside, whole - tail, tail), total)
        lost[alone] *= (total / b.size)[alone]
    several = np.flatnonzero(open_ & ~alone)
    for start in range(0, len(several), max(BLOCK // n, 1)):
        some = several[start : start + max(BLOCK // n, 1)]
        lost[some] *= _drawn(1.0 - (back[some].toarray() + form.rest), members(b, some), b, some)
    return np.asarray(1.0 - lost)


def members(groups: Groups, rows: Integers) -> Any:
    """Which samples are in the boundary groups of some, ``(num_rows, num_samples)``."""
    labels = groups.labels[rows].toarray()
    inside = labels == groups.begin[rows, None] + 1
    stored = groups.tail[rows].toarray() != groups.outside[rows, None]
    inside |= stored & groups.in_tail[rows, None]
    inside[np.arange(len(rows)), rows] = False
    return inside


def _drawn(missed: Array, member: Any, groups: Groups, rows: Integers) -> Array:
    """Mean product over random choices of as many members as there are places."""
    places = groups.places[rows]
    number = np.arange(int(places.max()) + 1)
    products = np.zeros((len(rows), len(number)))
    products[:, 0] = 1.0
    seen = np.zeros(len(rows))
    for column in np.flatnonzero(member.any(axis=0)):
        some = np.flatnonzero(member[:, column])
        seen[some] += 1.0
        share = np.minimum(number / seen[some, None], 1.0)
        before = products[some]
        after = (1.0 - share) * before
        after[:, 1:] += share[:, 1:] * missed[some, column, None] * before[:, :-1]
        products[some] = after
    return np.asarray(products[np.arange(len(rows)), places])


def _at(matrix: Any, rows: Integers, columns: Any) -> Array:
    """Entries of a sparse matrix in canonical form, at many places."""
    n = matrix.shape[1]
    if matrix.nnz == 0:
        return np.zeros(len(rows))
    keys = np.repeat(np.arange(len(matrix.indptr) - 1), np.diff(matrix.indptr)) * n
    keys = keys + matrix.indices
    wanted = rows * n + columns
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, matrix.data[place], 0.0)
