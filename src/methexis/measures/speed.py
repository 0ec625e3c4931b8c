"""How fast this machine is beside the one for which `work` counts: what turns work into a promise.

`work` counts operations and gives them the times of one machine. What a plan *decides* follows from
those alone, so that the same call does the same everywhere. What it *tells* is multiplied by two
factors that are measured once per process in some hundredths of a second: how long a product of
matrices takes here, on all threads, and how long numbers that are put in order take.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from methexis.measures.work import PRODUCT, Time, num_threads

#: Rows of the matrices that are multiplied: enough for the full rate of a core.
_ROWS = 512
#: Numbers that are put in order, at once and in rows, and the seconds that `work` allows for it.
_NUMBERS, _WIDTH, _SECONDS = 100_000, 250, 1.6e-3
#: Times that each is done; the shortest counts, because other work only makes it longer.
_ROUNDS = 3


@dataclass(frozen=True)
class Speed:
    """Seconds here over seconds of `work`, on the threads that products of matrices have here.

    Examples
    --------
    >>> from methexis.measures.work import passes, products
    >>> twice = Speed(products=1.0, passes=0.5, threads=2)
    >>> round(twice.seconds(products(4e9) + passes(1e8)), 9)
    0.15
    """

    products: float
    passes: float
    threads: int

    def seconds(self, work: Time) -> float:
        """How long this takes here."""
        scaled = Time(self.products * work.products, self.passes * work.passes)
        return scaled.seconds(self.threads)


@cache
def here() -> Speed:
    """The speed of this machine, measured at the first call."""
    return measured(time.perf_counter)


def measured(clock: Callable[[], float]) -> Speed:
    """The speed by some clock of seconds."""
    rng = np.random.default_rng(0)
    matrix, numbers = rng.random((_ROWS, _ROWS)), rng.random(_NUMBERS)
    order, table = rng.permutation(_NUMBERS), numbers.reshape(-1, _WIDTH)

    def passes() -> None:
        np.sort(numbers)
        numbers[order].sum()
        np.argpartition(table, 10, axis=1)

    threads = num_threads()
    product = _shortest(lambda: matrix @ matrix, clock) * threads / (1e-9 * PRODUCT * _ROWS**3)
    return Speed(product, _shortest(passes, clock) / _SECONDS, threads)


def _shortest(act: Callable[[], object], clock: Callable[[], float]) -> float:
    act()  # memory and threads are made at the first call
    durations = []
    for _ in range(_ROUNDS):
        began = clock()
        act()
        durations.append(clock() - began)
    return min(durations)
