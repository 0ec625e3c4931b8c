"""Jobs of several parts, measured one after another: `break`, `sharpen` and `reverse`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from methexis.core.checks import integer
from methexis.scenarios.framework.provenance import provenance

#: Problems of a quick run.
QUICK_PROBLEMS = 1
#: Distance between the seeds of a part's runs at different seeds of the user.
_SEED_STRIDE = 10**6


class Judged(Protocol):
    """A scenario, measured and judged."""

    @property
    def agrees(self) -> bool:
        """Whether it agrees with its prediction."""

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""


Part = TypeVar("Part")
Result = TypeVar("Result")
ScenarioResult = TypeVar("ScenarioResult", bound=Judged)


@dataclass(frozen=True, eq=False)
class JobResult(Generic[ScenarioResult]):
    """All scenarios that were asked for."""

    results: tuple[ScenarioResult, ...]
    command: str
    seconds: float

    format: ClassVar[int]

    @property
    def agrees(self) -> bool:
        """Whether all of them agree."""
        return all(r.agrees for r in self.results)

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "format": self.format,
            "agrees": self.agrees,
            "command": self.command,
            "scenarios": [r.summary() for r in self.results],
            **provenance(self.seconds),
        }


def one_after_another(
    parts: Sequence[Part],
    measure: Callable[[Part], Result],
    finished: Callable[[Result], None] | None,
) -> tuple[tuple[Result, ...], float]:
    """Results of all parts, each handed to ``finished`` as it comes; and the seconds they took."""
    began = time.monotonic()
    results = []
    for part in parts:
        result = measure(part)
        results.append(result)
        if finished is not None:
            finished(result)
    return tuple(results), time.monotonic() - began


def first_seed(fixed: int, seed: int) -> int:
    """Seed of a part's first run, from the one fixed beforehand and the user's.

    Raises
    ------
    MethexisError
        If the user's is negative or above 2³².
    """
    return fixed + _SEED_STRIDE * integer("seed", seed, least=0, most=2**32)
