"""`write_sharpen_report`: curvature along SGD, the prediction drawn through it; and in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from methexis.report.house import numbers, outcome
from methexis.report.sharpening.figures import LABELS, figures
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult


def write_sharpen_report(result: SharpenResult, path: str | Path) -> Path:
    """Write the report of `run_sharpen`: the page, and every figure as PDF.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    return outcome.write("sharpen.html.j2", result, path, figures(result), _section)


def _section(one: CaseResult) -> dict[str, Any]:
    measured, case = one.found, one.found.case
    return {
        "title": case.title,
        "claim": case.claim,
        "chosen": case.found,
        "note": case.note,
        "agrees": one.agrees,
        "checks": one.checks,
        "control": bool(measured.control),
        "quantities": [(q, LABELS[q]) for q in measured.quantities],
        "rows": [
            {
                "what": LABELS[q] + (f", {k + 1}" if measured.num_students(q) > 1 else ""),
                "start": numbers.number(float(measured.start[q][k]), 4),
                "predicted": numbers.number(end.predicted, 4),
                "measured": numbers.number(end.measured, 4),
                "half": numbers.number(end.half, 2),
                "deviation": numbers.deviation(end.deviation),
            }
            for q in measured.quantities
            for k in range(measured.num_students(q))
            for end in [measured.of(q, k)[-1]]
        ],
        "runs": ", ".join(numbers.count(r.steps) for r in measured.readings),
        "replicas": measured.readings[0].replicas,
    }
