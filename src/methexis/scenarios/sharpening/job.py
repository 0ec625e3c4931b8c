"""`run_sharpen`: cases measured one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from methexis.core.threads import one_blas_thread
from methexis.progress import Report
from methexis.scenarios.framework.runner import Show, Step, first_seed, one_after_another
from methexis.scenarios.sharpening.case import Case
from methexis.scenarios.sharpening.measure import measure
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult
from methexis.scenarios.sharpening.verdict import judge


def run_sharpen(
    cases: Sequence[Case],
    *,
    quick: bool = False,
    seed: int = 0,
    command: str = "",
    show: Show | None = None,
    finished: Callable[[CaseResult], None] | None = None,
) -> SharpenResult:
    """Measure cases and judge them.

    Parameters
    ----------
    cases : sequence of Case
        What to measure (`registry.chosen_cases`).
    quick : bool
        Two values of the small parameter and an allowance for what they do not show: a look.
    seed : int
        0 for the seeds that stand in the cases; others for independent repetitions of the runs.
    command : str
        For the record.
    show : function, optional
        Receives `runner.Step` as the job goes on.
    finished : function, optional
        Receives each case's result.

    Raises
    ------
    MethexisError
        If nearly all replicas of a run are lost.
    """
    results, seconds = one_after_another(
        cases, partial(run_case, quick=quick, seed=seed, show=show), finished
    )
    return SharpenResult(results, command, seconds)


@one_blas_thread
def run_case(
    case: Case, *, quick: bool = False, seed: int = 0, show: Show | None = None
) -> CaseResult:
    """Measure and judge one case; see `run_sharpen`."""
    began = time.monotonic()
    first = first_seed(case.seed, seed)

    def at(report: Report) -> None:
        if show is not None:
            show(Step(case.name, "", 0, 1, report))

    found = measure(case, seed=first, quick=quick, show=at)
    checks = judge(found)
    if case.facts is not None:
        checks += tuple(case.facts(found))
    return CaseResult(found, checks, first, time.monotonic() - began)
