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
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

from threadpoolctl import ThreadpoolController

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
#: Libraries and their numbers of threads.
_Limits: TypeAlias = list[tuple[Any, int]]


def available_cores() -> int:
    """Number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _SharedLimit:
    """One BLAS thread from the first who enters to the last who leaves.

    Libraries that count threads for each thread of Python (OpenBLAS over OpenMP) are limited in
    every thread that enters, and the others once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[int] = Counter()  # by thread
        self._shared: _Limits = []
        self._own: dict[int, _Limits] = {}

    def __enter__(self) -> None:
        with self._lock:
            here = threading.get_ident()
            if not self._calls[here]:
                libraries = ThreadpoolController().select(user_api="blas").lib_controllers
                with_threads = [(library, library.num_threads) for library in libraries]
                self._own[here] = [one for one in with_threads if _per_thread(one[0])]
                if not self._calls.total():
                    self._shared = [one for one in with_threads if not _per_thread(one[0])]
                    _set((library, 1) for library, _ in self._shared)
                _set((library, 1) for library, _ in self._own[here])
            self._calls[here] += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            here = threading.get_ident()
            self._calls[here] -= 1
            if not self._calls[here]:
                del self._calls[here]
                _set(self._own.pop(here))
            self._leave()

    def _leave(self) -> None:
        if not self._calls.total():
            _set(self._shared)
            self._shared = []

    def forked(self) -> None:
        """Forget the threads that a child does not have."""
        self._lock = threading.Lock()
        here = threading.get_ident()
        self._calls = Counter({here: self._calls[here]} if self._calls[here] else {})
        self._own = {here: self._own[here]} if here in self._own else {}
        self._leave()


def _per_thread(library: Any) -> bool:
    return getattr(library, "threading_layer", None) == "openmp"


def _set(limits: Iterable[tuple[Any, int]]) -> None:
    """Set numbers of threads, also where threadpoolctl lets only one thread set them.

    That rule keeps threads from undoing each other's limits, which the count of callers does here.
    """
    for library, number in limits:
        release = getattr(library, "clear_controlling_thread", None)
        if release is None:
            library.set_num_threads(number)
            continue
        release(force=True)
        library.set_num_threads(number)
        release(force=True)


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


def at_once(function: Callable[[_T], _R], items: Sequence[_T], most: int) -> list[_R]:
    """Call a function of every item, as many at a time as BLAS has threads, each with one thread.

    Results are in the order of the items, and no bit of them depends on the number of threads. That
    is faster than all threads for one item after another where BLAS leaves some idle, as it does in
    decompositions of matrices. Each takes memory, so there are no more than `most` at a time.

    Raises
    ------
    Exception
        What the function raises; of several, that of the first item.
    """
    threads = min(_blas_threads(), len(items), most)
    alone = one_blas_thread(function)
    with _ONE_THREAD:
        if threads < 2:
            return [alone(item) for item in items]
        pool = ThreadPoolExecutor(threads)
        try:
            return [done.result() for done in [pool.submit(alone, item) for item in items]]
        finally:
            pool.shutdown(cancel_futures=True)


def _blas_threads() -> int:
    """The number of threads that BLAS has now."""
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return max((library.num_threads for library in libraries), default=1)
