"""`run_break`: scenarios measured one after another."""

from __future__ import annotations

import time

from methexis.core.parallel.threads import one_blas_thread
from methexis.scenarios.breaking.case import Case
from methexis.scenarios.breaking.measure import measure
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult
from methexis.scenarios.framework.runner import Job, Show, along_dial, first_seed
from methexis.scenarios.framework.scenario import Scenario


@one_blas_thread
def run_scenario(
    scenario: Scenario[Case], *, quick: bool = False, seed: int = 0, show: Show | None = None
) -> ScenarioResult:
    """Measure and judge one scenario; see `runner.Job`."""
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


run_break = Job(run_scenario, BreakResult)
