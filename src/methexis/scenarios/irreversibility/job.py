"""`run_reverse`: scenarios of irreversibility measured one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from methexis.core.threads import one_blas_thread
from methexis.scenarios.framework.jobs import QUICK_PROBLEMS, first_seed, one_after_another
from methexis.scenarios.irreversibility.case import Curve, Label, Scenario
from methexis.scenarios.irreversibility.records import Found
from methexis.scenarios.irreversibility.result import (
    Line,
    ReverseResult,
    ReverseScenarioResult,
)

_MOST_SMALL = 10

#: Takes scenario, way of stepping, and the part of the scenario that is done.
Show = Callable[[str, str, float], None]


def run_reverse(
    scenarios: Sequence[Scenario],
    *,
    quick: bool = False,
    seed: int = 0,
    command: str = "",
    show: Show | None = None,
    finished: Callable[[ReverseScenarioResult], None] | None = None,
) -> ReverseResult:
    """Walk there and back, measure what does not return, and judge.

    Parameters
    ----------
    scenarios : sequence of Scenario
        What to measure (`registry.chosen_reversals`).
    quick : bool
        One problem, two learning rates, few replicas, and an allowance for it: a look.
    seed : int
        0 for the seeds that stand in the scenarios' files; others for independent repetitions. The
        problems stay the same.
    command : str
        For the record.
    show : function, optional
        Receives scenario, way and the part that is done.
    finished : function, optional
        Receives each scenario's result.

    Raises
    ------
    MethexisError
        If a replica diverges.
    """
    results, seconds = one_after_another(
        scenarios, partial(run_reversal, quick=quick, seed=seed, show=show), finished
    )
    return ReverseResult(results, command, seconds)


@one_blas_thread
def run_reversal(
    scenario: Scenario, *, quick: bool = False, seed: int = 0, show: Show | None = None
) -> ReverseScenarioResult:
    """Measure and judge one scenario; see `run_reverse`."""
    began = time.monotonic()
    first = first_seed(scenario.seed, seed)
    problems = QUICK_PROBLEMS if quick else len(scenario.problems)
    cases = [
        (curve, problem, value)
        for curve in scenario.curves
        for problem in range(problems)
        for value in scenario.values(curve)
    ]
    found: list[Found] = []
    for number, (curve, problem, value) in enumerate(cases):

        def report(part: float, curve: Curve = curve, number: int = number) -> None:
            if show is not None:
                show(scenario.name, curve.name, (number + part) / len(cases))

        found.append(
            scenario.case(curve, problem, value).measure(
                Label(curve.name, problem, value),
                curve.quick if quick else curve.full,
                seed=first + _MOST_SMALL * number,
                show=report,
            )
        )
    return ReverseScenarioResult(
        scenario=scenario,
        quick=quick,
        seed=first,
        points=tuple(p for f in found for p in f.points),
        rests=tuple(f.rest for f in found if f.rest is not None),
        lines=lines(scenario, problems),
        controls=() if scenario.controls is None else scenario.controls(quick),
        law=max(f.law for f in found),
        seconds=time.monotonic() - began,
    )


def lines(scenario: Scenario, problems: int) -> tuple[Line, ...]:
    """Predictions at the dial's values and, where it has a scale, half-way between them."""
    found = []
    for curve in scenario.curves:
        most = scenario.values(curve)[-1]
        values = tuple(v for v in scenario.dial.fine if v <= most)
        for problem in range(problems):
            parts = [scenario.case(curve, problem, v).parts for v in values]
            for part in parts[0]:
                along = tuple(p[part] for p in parts)
                found.append(Line(curve.name, problem, part, values, along))
    return tuple(found)
