"""The work of `compare_all`: which pairs are computed together, within the memory that there is.

If everything that is kept of the representations fits, each is reduced once. Otherwise a block of
rows stays while all columns pass, so that each column is reduced once per block of rows. What is
small is kept of every representation and never computed again: the sums on which the moments of its
pairs depend.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

import numpy as np

from methexis.core.checks import Array
from methexis.measures.budget import held, shortage
from methexis.measures.inference.plan import Progress
from methexis.measures.inputs.source import Source
from methexis.measures.measure import Measure, NullMoments, Orders
from methexis.measures.pairs.grid_products import WORKSPACE

Key = tuple[str, int]

#: What reducing one representation and summing it for its moments takes for the moment, in units
#: of what is kept of it.
_TEMPORARY = 6
#: Orders of one call to a measure; progress is shown between calls.
_ORDERS = 16


class Moments(NamedTuple):
    """`NullMoments` of all pairs, each ``(num_a, num_b)``."""

    mean: Array
    sd: Array
    skewness: Array
    dominance: Array
    step: Array


class Blocks:
    """Scores of a grid, their moments and their values for given orders."""

    def __init__(
        self, method: Measure[Any], source: Source, budget: int, progress: Progress
    ) -> None:
        self.method, self.source, self.budget, self.progress = method, source, budget, progress
        self.half = source.same and method.symmetric
        self.shape = len(source.rows), len(source.columns)
        self._reduced: dict[Key, Any] = {}
        self._sums: dict[Key, Any] = {}

    def direct(self) -> Array | None:
        """Scores straight from the features; None where too much would cancel."""
        arrays = self.source.arrays()
        if arrays is None:
            return None

        def progress(done: int, total: int) -> None:
            self.progress("scores", done, total)

        return self.method.direct_grid(*arrays, self.source.precision, self.budget, progress)

    def scores(self) -> Array:
        """The scores of all pairs, without moments or orders of a null."""
        scores, _, _ = self.run(
            np.empty((0, self.source.num_samples), dtype=np.int64), moments=False
        )
        if self.half:
            scores = np.where(np.tri(len(scores), k=-1, dtype=bool), scores.T, scores)
        return scores

    def run(self, orders: Orders, *, moments: bool) -> tuple[Array, Moments, Array]:
        """Scores, their moments over orders, and scores of the given orders ``(num_orders, …)``.

        Unless moments are asked for, only those means are found that the measure knows.
        """
        scores = np.full(self.shape, np.nan)
        moments_of_pairs = np.full((5, *self.shape), np.nan)
        permuted = np.full((len(orders), *self.shape), np.nan)
        cells = list(self._cells(*self._block(permuted.nbytes)))
        total, done = sum(len(rows) * len(columns) for rows, columns in cells), 0
        for rows, columns in cells:
            first = [("a", i) for i in rows]
            second = [("b", j) for j in columns]
            a, b = self._taken(first, second)
            at = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
            scores[at] = self.method.score_grid(a, b)
            if moments:
                moments_of_pairs[:, at[0], at[1]] = self._moments(first, second)
            else:
                moments_of_pairs[0, at[0], at[1]] = self._means(a, b)
            for low in range(0, len(orders), _ORDERS):
                some = orders[low : low + _ORDERS]
                permuted[low : low + _ORDERS, at[0], at[1]] = self.method.permuted_grid(a, b, some)
                share = (low + len(some)) / len(orders)
                self.progress("pairs", done + int(share * len(a) * len(b)), total)
            done += len(a) * len(b)
            self.progress("pairs", done, total)
        return scores, Moments(*moments_of_pairs), permuted

    def _block(self, results: int) -> tuple[int, int]:
        """How many rows and columns are kept at a time."""
        size = held(self._take(("a", self.source.widest("a"))))
        size = max(size, held(self._take(("b", self.source.widest("b")))))
        rest = _TEMPORARY * size + WORKSPACE + results
        fit = (self.budget - rest) // max(1, size)
        if fit < 2:
            raise shortage(f"one pair of {self.method.name}", rest + 2 * size, self.budget)
        rows, columns = self.shape
        if fit >= (rows if self.source.same else rows + columns):
            return rows, columns
        width = max(1, fit // 4)
        return fit - width, width

    def _cells(self, height: int, width: int) -> Iterator[tuple[range, range]]:
        rows, columns = self.shape
        for top in range(0, rows, height):
            for left in range(top if self.half else 0, columns, width):
                yield range(top, min(rows, top + height)), range(left, min(columns, left + width))

    def _taken(self, first: Sequence[Key], second: Sequence[Key]) -> tuple[list[Any], list[Any]]:
        """The reduced representations of both sides; all others are dropped."""
        wanted = {self._key(key) for key in (*first, *second)}
        self._reduced = {key: value for key, value in self._reduced.items() if key in wanted}
        return [self._take(key) for key in first], [self._take(key) for key in second]

    def _take(self, key: Key) -> Any:
        key = self._key(key)
        if key not in self._reduced:
            side, k = key
            given = self.source.row(k) if side == "a" else self.source.column(k)
            self._reduced[key] = self.method.lean(self.method.reduce_any(given))
        return self._reduced[key]

    def _key(self, key: Key) -> Key:
        return ("a", key[1]) if self.source.same else key

    def _summed(self, key: Key) -> Any:
        key = self._key(key)
        if key not in self._sums:
            self._sums[key] = self.method.null_sums(self._take(key))
        return self._sums[key]

    def _means(self, a: Sequence[Any], b: Sequence[Any]) -> Array:
        means = [[self.method.null_mean(one, other) for other in b] for one in a]
        return np.array(means, dtype=np.float64)

    def _moments(self, first: Sequence[Key], second: Sequence[Key]) -> Array:
        def of(one: Key, other: Key) -> NullMoments | None:
            a, b = self._summed(one), self._summed(other)
            if a is not None and b is not None:
                return self.method.moments_from(a, b)
            return self.method.null_moments(self._take(one), self._take(other))

        moments_of_pairs = np.full((5, len(first), len(second)), np.nan)
        for i, one in enumerate(first):
            for j, other in enumerate(second):
                moments = of(one, other)
                if moments is not None:
                    moments_of_pairs[:, i, j] = astuple(moments)
        return moments_of_pairs
