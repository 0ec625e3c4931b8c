"""Every call in turn, again and again, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.felt.calls import CALLS, REFERENCE, Call
from benchmarks.machine import machine
from benchmarks.processes import environment_with_tree
from benchmarks.timing import Timing, interleave
from methexis.core.checks import integer, one_of
from methexis.errors import MethexisError
from methexis.version import __version__

#: Interleaved rounds unless told: their median is what is reported.
ROUNDS = 5


@dataclass(frozen=True)
class FeltSettings:
    """What is timed, and how often.

    Attributes
    ----------
    rounds : int
        Interleaved rounds.
    only : tuple of str
        Names of calls; all of them by default. The reference is always among them.
    """

    rounds: int = ROUNDS
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        integer("rounds", self.rounds, least=1)
        for name in self.only:
            one_of("only", name, tuple(call.name for call in CALLS))

    @property
    def calls(self) -> list[Call]:
        """The calls that are timed."""
        wanted = {REFERENCE, *(self.only or (call.name for call in CALLS))}
        return [call for call in CALLS if call.name in wanted]


@dataclass(frozen=True)
class FeltResult:
    """Seconds of every call.

    Attributes
    ----------
    seconds : dict of Timing
        By the name of the call.
    machine : dict
        Where they were taken.
    """

    seconds: dict[str, Timing]
    machine: dict[str, Any]

    def ratio(self, name: str) -> float:
        """Median of a call over that of the reference computation of the same run."""
        return self.seconds[name].median / self.seconds[REFERENCE].median

    def summary(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "machine": self.machine,
            "methexis": __version__,
            "felt": {
                name: {
                    "seconds": timing.median,
                    "ratio": self.ratio(name),
                    "rounds": list(timing.rounds),
                }
                for name, timing in self.seconds.items()
            },
        }


def run_felt(
    settings: FeltSettings, *, announce: Callable[[str], None] = lambda _: None
) -> FeltResult:
    """Time all calls; once each beforehand, so that files are read and compiled."""
    names = {
        call.name: partial(seconds_of, call.arguments, call.environment) for call in settings.calls
    }
    announce(f"{len(names)} calls once, to warm what the system keeps of files")
    for measure in names.values():
        measure()
    announce(f"{len(names)} calls, {settings.rounds} rounds")
    return FeltResult(interleave(names, settings.rounds), machine())


def seconds_of(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Seconds from the start to the end of a process of this interpreter.

    Raises
    ------
    MethexisError
        If it fails.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment_with_tree() | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        raise MethexisError(f"felt: a call failed: {last}")
    return seconds
