"""Sharing the work of a grid between workers, so that nobody computes a representation twice.

A grid falls into parts that are computed apart from each other and put together in their order, so
that its bits do not depend on who computed what. What all parts need, reduced representations above
all, a worker makes when its first part comes, and keeps until another grid comes. Arrays that are
mapped from files go to workers as places in files; arrays in memory are sent with every part.
Workers give BLAS one thread each: the bits are those of this process with one.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np

from methexis.core.parallel.crews import Crew, carried
from methexis.core.parallel.threads import one_blas_thread
from methexis.errors import DegenerateWarning

#: What a worker, which may be a thread, has made for a grid: the grid's token, and that.
_KEPT = threading.local()


@dataclass(frozen=True)
class InFile:
    """Where in a file the numbers of an array lie."""

    path: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    order: str

    def opened(self) -> Any:
        """The array, mapped from the file."""
        return np.memmap(self.path, self.dtype, "r", self.offset, self.shape, self.order)  # type: ignore[call-overload]


@dataclass(frozen=True)
class Grid:
    """What all parts of a grid need, as it goes to workers.

    Attributes
    ----------
    token : str
        By which a worker knows that it has made it.
    process : int
        The number of the process that asks.
    make : function
        Of a module; makes it from what was given.
    given : tuple
        Arguments of `make`.
    """

    token: str
    process: int
    make: Callable[..., Any]
    given: tuple[Any, ...]


def shared(
    crew: Crew,
    make: Callable[..., Any],
    given: tuple[Any, ...],
    work: Callable[..., Any],
    parts: Sequence[tuple[Any, ...]],
    progress: Callable[[int, int], None],
) -> list[Any]:
    """``work(make(*given), *part)`` of all parts, in their order.

    Parameters
    ----------
    crew : Crew
        Who works.
    make, work : functions
        Of a module, so that workers find them; `make` is called once per worker.
    given : tuple
        Arguments of `make`, in which arrays are as `sent` makes them.
    parts : sequence of tuples
        What each call of `work` gets besides.
    progress : function of (done, all)
        Told after each part.

    Raises
    ------
    MethexisError
        If workers die over and over, or the work refuses.
    """
    grid = Grid(uuid4().hex, os.getpid(), make, given)
    answers = carried(crew, _answer, [(grid, work, *part) for part in parts], progress)
    for text in dict.fromkeys(text for _, texts in answers for text in texts):
        warnings.warn(text, DegenerateWarning, stacklevel=2)
    return [value for value, _ in answers]


def _answer(grid: Grid, *part: Any) -> tuple[Any, list[str]]:
    """A part, and what it warned of, which this process hears itself if it is at it."""
    if os.getpid() == grid.process:
        return _part(grid, *part), []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        value = _part(grid, *part)
    told = [one for one in caught if issubclass(one.category, DegenerateWarning)]
    return value, [str(one.message) for one in told]


@one_blas_thread
def _part(grid: Grid, work: Callable[..., Any], *part: Any) -> Any:
    """One part, by a worker that has made what all parts need, or makes it now."""
    token, made = getattr(_KEPT, "grid", ("", None))
    if token != grid.token:
        _KEPT.grid = ("", None)  # what another grid needed goes first
        made = grid.make(*grid.given)
        _KEPT.grid = (grid.token, made)
    return work(made, *part)


def sent(array: Any) -> Any:
    """An array as it goes to workers: its place in a file if it is mapped from one."""
    array = getattr(array, "numbers", array)  # of what is read when it is asked for
    if not isinstance(array, np.ndarray):
        return array
    base: Any = array
    while isinstance(base, np.ndarray) and not _is_whole(base):
        base = base.base
    order = "C" if array.flags.c_contiguous else "F" if array.flags.f_contiguous else ""
    if not isinstance(base, np.memmap) or not order or base.filename is None or not array.size:
        return array
    start, first = (one.__array_interface__["data"][0] for one in (array, base))
    offset = base.offset + start - first
    return InFile(str(base.filename), array.dtype, array.shape, offset, order)


def received(given: Any) -> Any:
    """What `sent` was given."""
    return given.opened() if isinstance(given, InFile) else given


def _is_whole(array: Any) -> bool:
    """Whether an array is the mapping itself, whose offset in the file is known."""
    return isinstance(array, np.memmap) and not isinstance(array.base, np.ndarray)
