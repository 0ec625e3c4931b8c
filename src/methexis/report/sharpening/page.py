"""`write_sharpen_report`: curvature along SGD, the prediction drawn through it; and in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from methexis.report.house import numbers, outcome
from methexis.report.house.page import Page
from methexis.report.sharpening.figures import LABELS, figures, key_of
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult


def write_sharpen_report(result: SharpenResult, out_dir: str | Path) -> Path:
    """Write the report of `run_sharpen`: ``report.html``, and every figure as PDF in ``figures/``.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    out = Path(out_dir)
    page = Page(out / "report.html", out / "figures")
    page.draw(figures(result))
    return page.write(
        "sharpen.html.j2",
        sections=[_section(one) for one in result.results],
        passed=result.passed,
        command=result.command,
        seconds=result.seconds,
        quick=any(one.found.quick for one in result.results),
        provenance=outcome.provenance(
            result.summary(), [(one.found.case.name, one.seed) for one in result.results]
        ),
    )


def _section(one: CaseResult) -> dict[str, Any]:
    found, case = one.found, one.found.case
    return {
        "key": key_of(one),
        "title": case.title,
        "claim": case.claim,
        "chosen": case.found,
        "note": case.note,
        "passed": one.passed,
        "checks": one.checks,
        "control": bool(found.control),
        "quantities": [(q, LABELS[q]) for q in found.quantities],
        "rows": [
            {
                "what": LABELS[q] + (f", {k + 1}" if found.num_students(q) > 1 else ""),
                "start": numbers.number(float(found.start[q][k]), 4),
                "predicted": numbers.number(end.predicted, 4),
                "measured": numbers.number(end.measured, 4),
                "half": numbers.number(end.half, 2),
                "deviation": outcome.deviation(end.deviation),
            }
            for q in found.quantities
            for k in range(found.num_students(q))
            for end in [found.of(q, k)[-1]]
        ],
        "runs": ", ".join(numbers.count(r.steps) for r in found.readings),
        "replicas": found.readings[0].replicas,
        "seconds": one.seconds,
    }
