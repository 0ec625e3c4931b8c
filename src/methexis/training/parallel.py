"""Independent jobs in threads of Python, for work that NumPy does without holding its lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np


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


def _quietly(job: Callable[[], None]) -> None:
    # In the thread that does the work: what NumPy ignores belongs to it.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        job()
