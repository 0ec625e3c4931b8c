"""`run_break`: scenarios measured one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from methexis.core.threads import one_blas_thread
from methexis.scenarios.breaking.case import Case
from methexis.scenarios.breaking.measure import measure
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult
from methexis.scenarios.framework.runner import Show, along_dial, first_seed, one_after_another
from methexis.scenarios.framework.scenario import Scenario


def run_break(
    scenarios: Sequence[Scenario[Case]],
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
        Receives `runner.Step` as the job goes on.
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
    scenario: Scenario[Case], *, quick: bool = False, seed: int = 0, show: Show | None = None
) -> ScenarioResult:
    """Measure and judge one scenario; see `run_break`."""
    began = time.monotonic()
    first = first_seed(scenario.seed, seed)
    points, lines = along_dial(scenario, measure, quick=quick, seed=first, show=show)
    return ScenarioResult(
        scenario=scenario,
        quick=quick,
        seed=first,
        points=tuple(points),
        lines=lines,
        seconds=time.monotonic() - began,
    )
