"""`run_reverse`: scenarios of irreversibility measured one after another."""

from __future__ import annotations

import time

from methexis.core.parallel.threads import one_blas_thread
from methexis.scenarios.framework.runner import Job, Show, along_dial, first_seed
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.irreversibility.result import ReverseResult, ReverseScenarioResult


@one_blas_thread
def run_reversal(
    scenario: Scenario, *, quick: bool = False, seed: int = 0, show: Show | None = None
) -> ReverseScenarioResult:
    """Measure and judge one scenario; see `runner.Job`."""
    began = time.monotonic()
    first = first_seed(scenario.seed, seed)
    measured, lines = along_dial(
        scenario,
        lambda case, cell, seed, at: case.measure(cell, seed=seed, show=at),
        quick=quick,
        seed=first,
        show=show,
    )
    return ReverseScenarioResult(
        scenario=scenario,
        quick=quick,
        seed=first,
        points=tuple(p for f in measured for p in f.points),
        lines=lines,
        rests=tuple(f.rest for f in measured if f.rest is not None),
        controls=() if scenario.controls is None else scenario.controls(quick),
        law=max(f.law for f in measured),
        seconds=time.monotonic() - began,
    )


run_reverse = Job(run_reversal, ReverseResult)
