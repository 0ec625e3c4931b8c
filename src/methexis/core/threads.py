"""Threads: how many there may be, and one BLAS thread where bits matter.

A matrix product of a few hundred rows rounds differently with one thread and with two. What
specifications hold and what a run computes must not depend on that, and the small matrices of a run
gain nothing from threads.

The number of BLAS threads belongs to the process. So callers that overlap, in threads of Python,
share one limit: the first sets it, and the last puts back what was there before the first. A child
process has only the thread that forked it, so only the calls of that one count there.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

_P = ParamSpec("_P")
_R = TypeVar("_R")


def available_cores() -> int:
    """Number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _SharedLimit:
    """One BLAS thread from the first who enters to the last who leaves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: Counter[int] = Counter()  # calls by thread
        self._limits: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._limits is None:
                self._limits = threadpool_limits(limits=1, user_api="blas")
            self._inside[threading.get_ident()] += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside[threading.get_ident()] -= 1
            self._leave()

    def _leave(self) -> None:
        self._inside = +self._inside  # without zeros
        if not self._inside and self._limits is not None:
            self._limits.restore_original_limits()
            self._limits = None

    def forked(self) -> None:
        """Forget the threads that a child does not have."""
        self._lock = threading.Lock()
        here = threading.get_ident()
        self._inside = Counter({here: self._inside[here]})
        self._leave()


_ONE_THREAD = _SharedLimit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ONE_THREAD.forked)


def one_blas_thread(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function so that BLAS uses one thread while it runs."""

    @wraps(function)
    def limited(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with _ONE_THREAD:
            return function(*args, **kwargs)

    return limited
