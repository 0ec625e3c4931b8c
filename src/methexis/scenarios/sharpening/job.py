"""`run_sharpen`: cases measured one after another."""

from __future__ import annotations

import time

from methexis.core.parallel.threads import one_blas_thread
from methexis.progress import Report
from methexis.scenarios.framework.runner import Job, Show, Step, first_seed
from methexis.scenarios.sharpening.case import Case
from methexis.scenarios.sharpening.measure import measure
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult
from methexis.scenarios.sharpening.verdict import judge


@one_blas_thread
def run_case(
    case: Case, *, quick: bool = False, seed: int = 0, show: Show | None = None
) -> CaseResult:
    """Measure and judge one case; see `runner.Job`."""
    began = time.monotonic()
    first = first_seed(case.seed, seed)

    def at(report: Report) -> None:
        if show is not None:
            show(Step(case.name, "", 0, 1, report))

    outcome = measure(case, seed=first, quick=quick, show=at)
    checks = judge(outcome)
    if case.facts is not None:
        checks += tuple(case.facts(outcome))
    return CaseResult(outcome, checks, first, time.monotonic() - began)


run_sharpen = Job(run_case, SharpenResult)
