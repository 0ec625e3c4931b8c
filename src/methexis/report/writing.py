"""`write_report`: the page of any result, by who writes its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from methexis.core.checks import MethexisError
from methexis.explaining.job import ExplainResult
from methexis.report.breaking.page import write_break_report
from methexis.report.comparing.page import write_compare_report
from methexis.report.explaining.page import write_explain_report
from methexis.report.plain.kinds import KINDS
from methexis.report.plain.page import write_plain
from methexis.report.reversing.page import write_reverse_report
from methexis.report.running.page import write_run
from methexis.report.sharpening.page import write_sharpen_report
from methexis.report.subjects.page import write_subjects_report
from methexis.report.sweeping.page import write_sweep_report
from methexis.report.translating.page import write_translate_report
from methexis.report.translating.unpaired_page import write_unpaired_report
from methexis.report.verify.page import write_verify_report
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult
from methexis.scenarios.comparing.result import CompareResult
from methexis.scenarios.irreversibility.result import ReverseResult, ReverseScenarioResult
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult
from methexis.scenarios.subjects.result import SubjectsResult
from methexis.scenarios.verify.result import VerifyResult
from methexis.sweeps import Sweep
from methexis.training.records.run import Run
from methexis.transport.job import TranslateResult
from methexis.transport.job_unpaired import UnpairedResult

#: Who writes the page of what.
Writer = Callable[[Any, str | Path], Path]


def _of_a_part(job: type, verb: str, write: Writer) -> Writer:
    """Write the page of one part of a job as that of a job of this part alone."""

    def written(part: Any, path: str | Path) -> Path:
        return write(job((part,), f"methexis {verb} {part.name}", part.seconds), path)

    return written


#: The writer of every kind of result; what has no page of its own has a plain one.
WRITERS: dict[type, Writer] = {
    Run: write_run,
    VerifyResult: write_verify_report,
    CompareResult: write_compare_report,
    BreakResult: write_break_report,
    ScenarioResult: _of_a_part(BreakResult, "break", write_break_report),
    SharpenResult: write_sharpen_report,
    CaseResult: _of_a_part(SharpenResult, "sharpen", write_sharpen_report),
    ReverseResult: write_reverse_report,
    ReverseScenarioResult: _of_a_part(ReverseResult, "reverse", write_reverse_report),
    ExplainResult: write_explain_report,
    SubjectsResult: write_subjects_report,
    Sweep: write_sweep_report,
    TranslateResult: write_translate_report,
    UnpairedResult: write_unpaired_report,
    **dict.fromkeys(KINDS, write_plain),
}


def write_report(result: Any, path: str | Path) -> Path:
    """Write the report of a result: one HTML file with its figures, and every figure as PDF.

    Of a run it draws what theory predicts through the measurement (`Run.predict`); of a run with
    cells it is a table of all cells, and ``run.cell(...)`` has a report of its own. Jobs have the
    pages of their commands. Every other result has a short page: its sentence, its picture where it
    has one, and its table.

    Parameters
    ----------
    result : Run, Comparison, Grid, or any other result
        What a function of Methexis found.
    path : path
        An HTML file, whose PDFs go to the folder ``<name>-figures`` beside it; or a folder, which
        receives ``report.html`` and ``figures/``.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    MethexisError
        If ``result`` is no result, or the report cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from methexis import Teacher, EDLN, theory
    >>> solution = theory.platonic(Teacher([[1.0], [0.0]]), EDLN((2,)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(solution, f"{folder}/solution.html").name
    'solution.html'
    """
    writer = WRITERS.get(type(result))
    if writer is None:
        raise MethexisError(
            f"result: expected a result, such as a Run, a Comparison or a Grid, got "
            f"{type(result).__name__}"
        )
    return writer(result, path)
