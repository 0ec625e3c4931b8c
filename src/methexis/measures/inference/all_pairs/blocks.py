"""The work of `compare_all`: which pairs are computed together, within the memory that there is.

If everything that is kept of the representations fits, each is reduced once. Otherwise a block of
rows stays while all columns pass, so that each column is reduced once per block of rows. What is
small is kept of every representation and never computed again: the sums on which the moments of its
pairs depend.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from methexis.core.checks import Array
from methexis.core.parallel.crews import Crew
from methexis.measures.budget import held, shortage
from methexis.measures.inference.plan import Progress
from methexis.measures.inputs.source import Source
from methexis.measures.measure import Measure, NullMoments, Orders
from methexis.measures.pairs.grid_products import WORKSPACE
from methexis.measures.sharing import received, sent, shared

Key = tuple[str, int]
#: Rows and columns of a cell; from which order on, and orders, None for scores; whether moments.
Part = tuple[range, range, int, Orders | None, bool]

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
        self,
        method: Measure[Any],
        source: Source,
        budget: int,
        progress: Progress,
        crew: Crew | None = None,
    ) -> None:
        self.method, self.source, self.budget, self.progress = method, source, budget, progress
        self.crew = crew
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

        return self.method.direct_grid(
            *arrays, self.source.precision, self.budget, progress, self.crew
        )

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
        # Of each cell first the scores, then some orders at a time.
        lows = range(0, len(orders), _ORDERS)
        parts = [
            (rows, columns, low, None if low < 0 else orders[low : low + _ORDERS], moments)
            for rows, columns in cells
            for low in (-1, *lows)
        ]
        for (rows, columns, low, some, _), values in zip(parts, self._all(parts), strict=True):
            at = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
            if some is None:
                scores[at], moments_of_pairs[:, at[0], at[1]] = values
            else:
                permuted[low : low + len(some), at[0], at[1]] = values
        return scores, Moments(*moments_of_pairs), permuted

    def _all(self, parts: Sequence[Part]) -> Iterator[Any]:
        """What all parts give, by this process or by a crew; told in pairs of representations."""
        sizes = [
            len(rows) * len(columns) * (1 if some is None else len(some))
            for rows, columns, _, some, _ in parts
        ]
        pairs = sum(size for size, part in zip(sizes, parts, strict=True) if part[3] is None)
        done, total = list(accumulate(sizes)), sum(sizes)

        def progress(number: int, _: int) -> None:
            self.progress("pairs", done[number - 1] * pairs // total, pairs)

        if self.crew is not None:
            given = (self.method, self.source.held_as(sent), self.budget)
            yield from shared(self.crew, _blocks_there, given, _part, parts, progress)
            return
        for number, part in enumerate(parts, start=1):
            yield _part(self, *part)
            progress(number, len(parts))

    def part(
        self, rows: range, columns: range, orders: Orders | None, *, moments: bool
    ) -> tuple[Array, Array] | Array:
        """Scores of a cell with their moments; or its scores in some orders."""
        first = [("a", i) for i in rows]
        second = [("b", j) for j in columns]
        a, b = self._taken(first, second)
        if orders is not None:
            return self.method.permuted_grid(a, b, orders)
        known = np.full((5, len(rows), len(columns)), np.nan)
        if moments:
            known[:] = self._moments(first, second)
        else:
            known[0] = self._means(a, b)
        return self.method.score_grid(a, b), known

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


def _blocks_there(method: Measure[Any], source: Source, budget: int) -> Blocks:
    """The work as a worker has it, who tells nobody how far it is."""
    return Blocks(method, source.held_as(received), budget, _silent)


def _part(
    blocks: Blocks, rows: range, columns: range, low: int, orders: Orders | None, moments: bool
) -> tuple[Array, Array] | Array:
    del low
    return blocks.part(rows, columns, orders, moments=moments)


def _silent(what: str, done: int, total: int) -> None:
    del what, done, total
