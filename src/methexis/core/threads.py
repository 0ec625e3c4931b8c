"""Threads: how many there may be, and one BLAS thread where bits matter.

A matrix product of a few hundred rows rounds differently with one thread and with two. What
specifications hold and what a run computes must not depend on that, and the small matrices of a run
gain nothing from threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

_P = ParamSpec("_P")
_R = TypeVar("_R")


def available_cores() -> int:
    """Number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_blas_thread(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function so that BLAS uses one thread while it runs."""

    @wraps(function)
    def limited(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
