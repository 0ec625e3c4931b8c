"""`run_break`: scenarios measured one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from methexis.core.threads import one_blas_thread
from methexis.progress import Report
from methexis.scenarios.breaking.measure import Point, measure
from methexis.scenarios.breaking.result import BreakResult, Line, ScenarioResult
from methexis.scenarios.breaking.scenario import Case, Curve, Scenario
from methexis.scenarios.breaking.verdict import judge
from methexis.scenarios.framework.jobs import QUICK_PROBLEMS, first_seed, one_after_another

_MOST_SMALL = 10


@dataclass(frozen=True)
class Step:
    """How far a job is: the scenario and curve, cases done of all, and where SGD is in this one."""

    scenario: str
    curve: str
    done: int
    total: int
    part: float

    @property
    def fraction(self) -> float:
        """Part of the scenario's cases that is done."""
        return (self.done + self.part) / self.total


Show = Callable[[Step], None]


def run_break(
    scenarios: Sequence[Scenario],
    *,
    quick: bool = False,
    seed: int = 0,
    command: str = "",
    show: Show | None = None,
    finished: Callable[[ScenarioResult], None] | None = None,
) -> BreakResult:
    """Measure scenarios and judge them.

    Parameters
    ----------
    scenarios : sequence of Scenario
        What to measure (`registry.chosen`).
    quick : bool
        One problem, few learning rates, no extrapolation to speak of: a look, not evidence.
    seed : int
        0 for the seeds that stand in the scenarios' files; others for independent repetitions. The
        problems stay the same.
    command : str
        For the record.
    show : function, optional
        Receives `Step` as the job goes on.
    finished : function, optional
        Receives each scenario's result.

    Raises
    ------
    MethexisError
        If replicas of an ensemble are all lost.
    """
    results, seconds = one_after_another(
        scenarios, partial(run_scenario, quick=quick, seed=seed, show=show), finished
    )
    return BreakResult(results, command, seconds)


@one_blas_thread
def run_scenario(
    scenario: Scenario, *, quick: bool = False, seed: int = 0, show: Show | None = None
) -> ScenarioResult:
    """Measure and judge one scenario; see `run_break`."""
    began = time.monotonic()
    cases = _cases(scenario, quick)
    case_of = cache(scenario.case)  # the lines need most of what the points need
    first = first_seed(scenario.seed, seed)
    points: list[Point] = []
    for number, (curve, problem, value) in enumerate(cases):

        def report(report: Report, curve: Curve = curve, number: int = number) -> None:
            if show is not None:
                part = report.step / report.steps
                show(Step(scenario.name, curve.name, number, len(cases), part))

        points.append(
            measure(
                curve,
                case_of(curve, problem, value),
                problem,
                value,
                seed=first + _MOST_SMALL * number,
                quick=quick,
                show=report,
            )
        )
    return ScenarioResult(
        scenario=scenario,
        quick=quick,
        seed=first,
        points=tuple(points),
        lines=_lines(scenario, case_of, 1 + max(problem for _, problem, _ in cases)),
        verdicts=tuple(
            judge(c.name, [p for p in points if p.curve == c.name]) for c in scenario.curves
        ),
        seconds=time.monotonic() - began,
    )


def _cases(scenario: Scenario, quick: bool) -> list[tuple[Curve, int, float]]:
    """All that is measured, in order: curve, problem, dial value."""
    problems = QUICK_PROBLEMS if quick else len(scenario.problems)
    return [
        (curve, problem, value)
        for curve in scenario.curves
        for problem in range(problems)
        for value in scenario.values(curve.quick if quick else curve.full)
    ]


def _lines(
    scenario: Scenario, case_of: Callable[[Curve, int, float], Case], problems: int
) -> tuple[Line, ...]:
    """Predictions at the dial's values and, where it has a scale, half-way between them."""
    values = scenario.dial.fine
    found = []
    for curve in scenario.curves:
        for problem in range(problems):
            cases = [case_of(curve, problem, v) for v in values]
            predicted = tuple(float(case.predicted.min()) for case in cases)
            found.append(Line(curve.name, problem, values, predicted))
    return tuple(found)
