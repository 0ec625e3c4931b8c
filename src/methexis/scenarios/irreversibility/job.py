"""`run_reverse`: scenarios of irreversibility measured one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from methexis.core.threads import one_blas_thread
from methexis.progress import Progress
from methexis.scenarios.framework.runner import Show, along_dial, first_seed, one_after_another
from methexis.scenarios.framework.scenario import Curve
from methexis.scenarios.irreversibility.case import Case, Label, Scenario
from methexis.scenarios.irreversibility.records import Found
from methexis.scenarios.irreversibility.result import ReverseResult, ReverseScenarioResult


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
        Receives `runner.Step` as the job goes on.
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
    found, lines = along_dial(scenario, _measure, quick=quick, seed=first, show=show)
    return ReverseScenarioResult(
        scenario=scenario,
        quick=quick,
        seed=first,
        points=tuple(p for f in found for p in f.points),
        lines=lines,
        rests=tuple(f.rest for f in found if f.rest is not None),
        controls=() if scenario.controls is None else scenario.controls(quick),
        law=max(f.law for f in found),
        seconds=time.monotonic() - began,
    )


def _measure(
    curve: Curve[Case],
    case: Case,
    problem: int,
    value: float,
    *,
    seed: int,
    quick: bool,
    show: Progress | None,
) -> Found:
    """Every case knows how to measure itself."""
    label = Label(curve.name, problem, value)
    return case.measure(label, curve.effort(quick=quick), seed=seed, show=show)
