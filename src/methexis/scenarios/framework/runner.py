"""How a job goes: its parts one after another, and of a scenario all cases along its dial."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, Protocol, TypeVar

from methexis.core.checks import integer
from methexis.progress import Progress, Report
from methexis.scenarios.framework.points import Line
from methexis.scenarios.framework.results import Judged
from methexis.scenarios.framework.scenario import Case, Cell, Curve, Scenario

#: Distance between the seeds of a part's runs at different seeds of the user.
_SEED_STRIDE = 10**6
#: Distance between the first seeds of a scenario's cases: no more small parameters than that.
CASE_STRIDE = 10


@dataclass(frozen=True)
class Step:
    """How far a job is."""

    #: The scenario or case, and which of its curves; empty where it has none.
    part: str
    curve: str
    #: Cases done, of all of this part.
    done: int
    total: int
    at: Report  # where the case in progress is

    @property
    def fraction(self) -> float:
        """How much of the part is done."""
        return (self.done + self.at.step / self.at.steps) / self.total

    @property
    def ended(self) -> bool:
        """Whether the part is done."""
        return self.done + 1 == self.total and self.at.step >= self.at.steps


Show = Callable[[Step], None]
Part_contra = TypeVar("Part_contra", contravariant=True)
Found = TypeVar("Found")
PartResult = TypeVar("PartResult", bound=Judged)
PartResult_co = TypeVar("PartResult_co", bound=Judged, covariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class MeasurePart(Protocol[Part_contra, PartResult_co]):
    """Measures and judges one part; ``seed`` is the user's."""

    def __call__(
        self, part: Part_contra, /, *, quick: bool, seed: int, show: Show | None
    ) -> PartResult_co:
        """Measure and judge the part; return its result."""


@dataclass(frozen=True)
class Job(Generic[Part_contra, PartResult, Result_co]):
    """Measures parts one after another: `run_break`, `run_sharpen` and `run_reverse`."""

    measure: MeasurePart[Part_contra, PartResult]  # measures and judges one part
    result: Callable[[tuple[PartResult, ...], str, float], Result_co]  # of all of them

    def __call__(
        self,
        parts: Sequence[Part_contra],
        *,
        quick: bool = False,
        seed: int = 0,
        command: str = "",
        show: Show | None = None,
        finished: Callable[[PartResult], None] | None = None,
    ) -> Result_co:
        """Measure parts and judge them.

        Parameters
        ----------
        parts : sequence
            Entries of the registry.
        quick : bool
            Few values of the small parameter, one problem where there are several, and an allowance
            for what that does not show: a look, not evidence.
        seed : int
            0 for the seeds that stand in the catalogue; others for independent repetitions. The
            problems stay the same.
        command : str
            For the record.
        show : function, optional
            Receives `Step` as the job goes on.
        finished : function, optional
            Receives each part's result.

        Raises
        ------
        MethexisError
            If nearly all replicas of a run are lost.
        """
        began = time.monotonic()
        results = []
        for part in parts:
            result = self.measure(part, quick=quick, seed=seed, show=show)
            results.append(result)
            if finished is not None:
                finished(result)
        return self.result(tuple(results), command, time.monotonic() - began)


def along_dial(
    scenario: Scenario[Case],
    measure: Callable[[Case, Cell[Case], int, Progress], Found],
    *,
    quick: bool,
    seed: int,
    show: Show | None,
) -> tuple[list[Found], tuple[Line, ...]]:
    """What is found of all cases of a scenario, and the predictions to draw through it.

    ``measure`` takes the case, what to measure of it, the seed of its first ensemble and a receiver
    of progress.
    """
    cells = scenario.cells(quick=quick)
    case_of = cache(scenario.case)  # the lines need most of what is measured
    measured = []
    for number, cell in enumerate(cells):

        def at(report: Report, cell: Cell[Case] = cell, number: int = number) -> None:
            if show is not None:
                show(Step(scenario.name, cell.curve.name, number, len(cells), report))

        case = case_of(cell.curve, cell.problem, cell.value)
        measured.append(measure(case, cell, seed + CASE_STRIDE * number, at))
    return measured, lines(scenario, 1 + max(cell.problem for cell in cells), case_of)


def lines(
    scenario: Scenario[Case],
    problems: int,
    case_of: Callable[[Curve[Case], int, float], Case],
) -> tuple[Line, ...]:
    """Predictions at the dial's values and, where it has a scale, half-way between them."""
    drawn = []
    for curve in scenario.curves:
        last = scenario.values(curve.full)[-1]
        values = tuple(value for value in scenario.dial.fine if value <= last)
        for problem in range(problems):
            parts = [case_of(curve, problem, value).parts for value in values]
            for part in parts[0]:
                predicted = tuple(p[part] for p in parts)
                drawn.append(Line(curve.name, problem, values, predicted, part))
    return tuple(drawn)


def first_seed(fixed: int, seed: int) -> int:
    """Seed of a part's first run, from the one fixed beforehand and the user's.

    Raises
    ------
    MethexisError
        If the user's is negative or above 2³².
    """
    return fixed + _SEED_STRIDE * integer("seed", seed, least=0, most=2**32)
