"""Independent jobs in threads of Python, for work that NumPy does without holding its lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Bytes of the smallest page of memory, and of an array from which on threads clear it faster.
_PAGE, _WORTH_THREADS = 4096, 2**22


def in_threads(jobs: Sequence[Callable[[], None]], threads: int) -> None:
    """Carry out all jobs, in this thread where there is one job or one thread.

    Squares of weights on their way to divergence may overflow in them.

    Raises
    ------
    Exception
        What a job raises. Whatever interrupts, no job runs on once this returns.
    """
    if threads == 1 or len(jobs) == 1:
        for job in jobs:
            _quietly(job)
        return
    pool = ThreadPoolExecutor(min(threads, max(len(jobs), 1)))
    try:
        for done in [pool.submit(_quietly, job) for job in jobs]:
            done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def touched(shape: tuple[int, ...], dtype: str, threads: int) -> NDArray[Any]:
    """An array of zeros of which every page of memory has been touched, by all threads.

    The system hands out memory page by page when it is first written to, and clears it then. Of
    hundreds of megabytes that takes as long as thousands of steps, so the threads share it, while
    a thread that copies a snapshot would do it alone.
    """
    array = np.zeros(shape, dtype=dtype)
    numbers = array.reshape(-1)
    page = _PAGE // array.itemsize
    parts = threads if array.nbytes >= _WORTH_THREADS else 1

    def touch(part: NDArray[Any]) -> None:
        part[::page] = 0

    in_threads([partial(touch, part) for part in np.array_split(numbers, parts)], threads)
    return array


def _quietly(job: Callable[[], None]) -> None:
    # In the thread that does the work: what NumPy ignores belongs to it.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        job()
