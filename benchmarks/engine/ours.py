"""Our own engines as peers (see `worker`), and what else is asked in a process of its own.

An engine is timed by its protocol, ``advance``, on the plan that `mx.train` would make, without
recording.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from benchmarks.engine.points import Point
from benchmarks.engine.rates import ceilings
from benchmarks.peak import peak_bytes
from methexis.errors import MethexisError
from methexis.training.engines.choice import choose_engine
from methexis.training.engines.native import NativeEngine
from methexis.version import __version__

__all__ = ["ceilings", "memory_growth", "prepare", "start"]

_threads = 1


class Prepared:
    """An engine at a point."""

    def __init__(self, point: Point, engine: str, threads: int) -> None:
        plan = point.plan(engine, threads)
        self._engine = choose_engine(plan)(plan)
        self._state = self._engine.start()
        self.variant = self._engine.versions().get("instruction_set", "")
        self.details: dict[str, Any] = {"versions": self._engine.versions()}
        if isinstance(self._engine, NativeEngine):
            self.details |= self._engine.sizes()

    def run(self, num_steps: int) -> int:
        """Take steps."""
        self._engine.advance(self._state, self._state.step + num_steps)
        return num_steps


def start(threads: int) -> dict[str, str]:
    """See `worker`."""
    global _threads  # noqa: PLW0603 (a process, not a library)
    _threads = threads
    return {"methexis": __version__, "numpy": np.__version__, "python": sys.version.split()[0]}


def prepare(case: dict[str, Any]) -> Prepared | str:
    """See `worker`; what an engine refuses is said by its own words."""
    names = ("kind", "depth", "width", "batch", "networks", "dtype")
    point = Point(**{name: case[name] for name in names})
    try:
        return Prepared(point, case["peer"], case.get("threads", _threads))
    except MethexisError as error:
        return str(error)


def memory_growth(case: dict[str, Any], steps: list[int]) -> list[float]:
    """Peak memory in bytes after so many steps each, in this process from a fresh start."""
    prepared = prepare(case)
    if isinstance(prepared, str):
        raise MethexisError(prepared)
    found, done = [], 0
    for target in steps:
        done += prepared.run(target - done)
        found.append(peak_bytes())
    return found
