"""Every call in turn, again and again, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.felt.calls import CALLS, DEFAULT, REFERENCE, STEPS, Call
from benchmarks.machine import machine
from benchmarks.processes import environment_with_tree
from benchmarks.timing import Timing
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

    def over_steps(self, name: str) -> float | None:
        """Median of a default call of `mx.train` over that of its steps alone; None of others."""
        case, _, what = name.rpartition(", ")
        if what != DEFAULT:
            return None
        return self.seconds[name].median / self.seconds[f"{case}, {STEPS}"].median

    def summary(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "machine": self.machine,
            "methexis": __version__,
            "felt": {
                name: {
                    "seconds": timing.median,
                    "ratio": self.ratio(name),
                    "over_steps": self.over_steps(name),
                    "rounds": list(timing.rounds),
                }
                for name, timing in self.seconds.items()
            },
        }


def run_felt(
    settings: FeltSettings, *, announce: Callable[[str], None] = lambda _: None
) -> FeltResult:
    """Time all calls; once each beforehand, so that files are read and compiled."""
    calls = settings.calls
    announce(f"{len(calls)} calls once, to warm what the system keeps of files")
    for call in calls:
        timed(call)
    announce(f"{len(calls)} calls, {settings.rounds} rounds")
    found: dict[str, list[float]] = {row: [] for call in calls for row in call.rows}
    for r in range(settings.rounds):
        shift = r % len(calls)
        for call in calls[shift:] + calls[:shift]:
            for row, seconds in timed(call).items():
                found[row].append(seconds)
    return FeltResult({row: Timing(tuple(v)) for row, v in found.items()}, machine())


def timed(call: Call) -> dict[str, float]:
    """Seconds of each row of a call."""
    seconds, printed = _process(call.arguments, call.environment)
    if not call.prints:
        return {call.name: seconds}
    told = json.loads(printed.splitlines()[-1])
    return {row: float(told[what]) for row, what in zip(call.rows, call.prints, strict=True)}


def seconds_of(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Seconds from the start to the end of a process of this interpreter.

    Raises
    ------
    MethexisError
        If it fails.
    """
    return _process(arguments, environment or {})[0]


def _process(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[float, str]:
    """Seconds of a process, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment_with_tree() | dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no words"])[-1]
        raise MethexisError(f"felt: a call failed: {last}")
    return seconds, done.stdout
