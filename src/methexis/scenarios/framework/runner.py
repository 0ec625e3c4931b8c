"""How a job goes: its parts one after another, and of a scenario all cases along its dial."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeVar

from methexis.core.checks import integer
from methexis.progress import Progress, Report
from methexis.scenarios.framework.points import Line
from methexis.scenarios.framework.scenario import Case, Curve, Scenario

#: Distance between the seeds of a part's runs at different seeds of the user.
_SEED_STRIDE = 10**6
#: Distance between the first seeds of a scenario's cases: no more small parameters than that.
_CASE_STRIDE = 10


@dataclass(frozen=True)
class Step:
    """How far a job is.

    Attributes
    ----------
    part, curve : str
        The scenario or case, and which of its curves; empty where it has none.
    done, total : int
        Cases done, of all of this part.
    at : Report
        Where the case in progress is.
    """

    part: str
    curve: str
    done: int
    total: int
    at: Report

    @property
    def fraction(self) -> float:
        """How much of the part is done."""
        return (self.done + self.at.step / self.at.steps) / self.total

    @property
    def ended(self) -> bool:
        """Whether the part is done."""
        return self.done + 1 == self.total and self.at.step >= self.at.steps


Show = Callable[[Step], None]
Part = TypeVar("Part")
Found = TypeVar("Found")
Found_co = TypeVar("Found_co", covariant=True)


def one_after_another(
    parts: Sequence[Part],
    measure: Callable[[Part], Found],
    finished: Callable[[Found], None] | None,
) -> tuple[tuple[Found, ...], float]:
    """Results of all parts, each handed to ``finished`` as it comes; and the seconds they took."""
    began = time.monotonic()
    results = []
    for part in parts:
        result = measure(part)
        results.append(result)
        if finished is not None:
            finished(result)
    return tuple(results), time.monotonic() - began


class MeasureCase(Protocol[Case, Found_co]):
    """Measures one case; ``seed`` is that of its first ensemble."""

    def __call__(
        self,
        curve: Curve[Case],
        case: Case,
        problem: int,
        value: float,
        *,
        seed: int,
        quick: bool,
        show: Progress | None,
    ) -> Found_co:
        """What was found."""


def along_dial(
    scenario: Scenario[Case],
    measure: MeasureCase[Case, Found],
    *,
    quick: bool,
    seed: int,
    show: Show | None,
) -> tuple[list[Found], tuple[Line, ...]]:
    """What is found of all cases of a scenario, and the predictions to draw through it."""
    cells = scenario.cells(quick=quick)
    case_of = cache(scenario.case)  # the lines need most of what is measured
    found = []
    for number, (curve, problem, value) in enumerate(cells):

        def at(report: Report, curve: Curve[Case] = curve, number: int = number) -> None:
            if show is not None:
                show(Step(scenario.name, curve.name, number, len(cells), report))

        case = case_of(curve, problem, value)
        first = seed + _CASE_STRIDE * number
        found.append(measure(curve, case, problem, value, seed=first, quick=quick, show=at))
    return found, lines(scenario, 1 + max(problem for _, problem, _ in cells), case_of)


def lines(
    scenario: Scenario[Case],
    problems: int,
    case_of: Callable[[Curve[Case], int, float], Case],
) -> tuple[Line, ...]:
    """Predictions at the dial's values and, where it has a scale, half-way between them."""
    found = []
    for curve in scenario.curves:
        last = scenario.values(curve.full)[-1]
        values = tuple(value for value in scenario.dial.fine if value <= last)
        for problem in range(problems):
            parts = [case_of(curve, problem, value).parts for value in values]
            for part in parts[0]:
                predicted = tuple(p[part] for p in parts)
                found.append(Line(curve.name, problem, values, predicted, part))
    return tuple(found)


def first_seed(fixed: int, seed: int) -> int:
    """Seed of a part's first run, from the one fixed beforehand and the user's.

    Raises
    ------
    MethexisError
        If the user's is negative or above 2³².
    """
    return fixed + _SEED_STRIDE * integer("seed", seed, least=0, most=2**32)
