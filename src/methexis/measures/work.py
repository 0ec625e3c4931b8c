"""How much a measure has to do, from sizes alone: what a plan is made of.

Every family of measures states its own polynomial in samples and features (`Measure.work`), with
constants that ``python -m benchmarks.measures.promises`` holds against the clock. Two kinds of time
are kept apart: products of matrices, which share the cores of a machine, and passes over numbers,
which NumPy makes on one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from threadpoolctl import threadpool_info

#: Nanoseconds of one core for a multiply-add of a product of matrices, at 20 · 10⁹ a second.
PRODUCT = 0.05
#: Copies of the features that measures hold: in double precision, centred, decomposed.
_COPIES = 4
#: Bytes of the blocks that measures work in, at most; a few matrices over pairs of few samples.
_BLOCKS, _FEW_BLOCKS = 2**28, 9
#: Orders and subsets are drawn beside the numbers that are put in order.
_DRAWN = 2


@dataclass(frozen=True)
class Time:
    """Seconds of one core.

    Examples
    --------
    >>> round((products(4e9) + 2 * passes(1e8)).seconds(threads=2), 9)
    0.3
    """

    products: float = 0.0  # of matrices, which go faster on several cores
    passes: float = 0.0  # everything else

    def __add__(self, other: Time) -> Time:
        """Time of both, one after the other."""
        return Time(self.products + other.products, self.passes + other.passes)

    def __mul__(self, count: float) -> Time:
        """Time of doing the same so many times."""
        return Time(self.products * count, self.passes * count)

    __rmul__ = __mul__

    def seconds(self, threads: int = 1) -> float:
        """Seconds on so many threads."""
        return self.products / threads + self.passes


NOTHING = Time()


def products(count: float, nanoseconds: float = PRODUCT) -> Time:
    """Time of multiply-adds in products of matrices; in decompositions each takes longer."""
    return Time(products=1e-9 * nanoseconds * count)


def passes(count: float, nanoseconds: float = 1.0) -> Time:
    """Time of going through so many numbers, at so many nanoseconds each."""
    return Time(passes=1e-9 * nanoseconds * count)


@dataclass(frozen=True)
class Work:
    """What one pair of representations takes; `num_bytes` is without orders and resamples."""

    reduce: Time  # both representations
    score: Time  # of what they were reduced to
    order: Time  # one score with the rows of the second in another order
    num_bytes: int  # most memory that arrays take at once
    drawn_bytes: int  # memory of each order or resample that is drawn
    moments: Time = NOTHING  # the null in closed form, where there is one
    resample: Time = NOTHING  # one resample of the rows for the interval, where there are such
    part: Time = NOTHING  # a part of one order's score, where there is one that is quick
    rough: Time = NOTHING  # one order's score to few digits, where that is faster
    jackknife: Time = NOTHING  # scores without each sample, where there is a closed form
    groups: Time = NOTHING  # scores without each group of samples, where sums give all at once

    @property
    def rough_order(self) -> Time:
        """One order's score to a few digits."""
        return self.order if self.rough == NOTHING else self.rough


def pair_work(
    num_samples: int,
    num_features: tuple[int, int],
    reduce: Time,
    score: Time,
    *,
    order: Time,
    moments: Time = NOTHING,
    resample: Time = NOTHING,
    pair_matrices: float = 0.0,
) -> Work:
    """What a pair takes, with the memory of its features and of some matrices over pairs."""
    num_bytes = held_bytes(num_samples, num_features, pair_matrices)
    return Work(reduce, score, order, num_bytes, drawn_bytes(num_samples), moments, resample)


def drawn_bytes(num_samples: int) -> int:
    """Memory of an order, or of how often each sample is drawn."""
    return 8 * _DRAWN * num_samples


def held_bytes(num_samples: int, num_features: tuple[int, int], pair_matrices: float = 0.0) -> int:
    """Most memory at once: some matrices over pairs of samples, copies of the features, blocks.

    Examples
    --------
    >>> held_bytes(100_000, (8, 8), pair_matrices=6.0) // 2**30
    447
    """
    n = num_samples
    numbers = pair_matrices * n * n + _COPIES * n * sum(num_features)
    return int(8 * numbers + min(_BLOCKS, 8 * _FEW_BLOCKS * n * n))


def grid_order(
    widths_a: list[int], widths_b: list[int], one: Callable[[tuple[int, int]], Time]
) -> Time:
    """What all pairs of layers take if each is compared alone; equal widths are one case."""
    total = NOTHING
    for a in set(widths_a):
        for b in set(widths_b):
            total = total + widths_a.count(a) * widths_b.count(b) * one((a, b))
    return total


@cache
def num_threads() -> int:
    """Number of threads on which the library of linear algebra makes products."""
    return max((int(pool["num_threads"]) for pool in threadpool_info()), default=1)
