"""`write_break_report`: every dial, the prediction drawn through the measurement; and in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from methexis.report.breaking.figures import figures
from methexis.report.breaking.text import row
from methexis.report.house import outcome
from methexis.report.house.page import Page
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult, Verdict
from methexis.scenarios.framework.judging import FALSE_ALARM, OUTLIER


def write_break_report(result: BreakResult, out_dir: str | Path) -> Path:
    """Write the report of `run_break`.

    Parameters
    ----------
    result : BreakResult
        What was found.
    out_dir : path
        Folder; made if missing. It receives ``report.html``, which needs no other file, and every
        figure as PDF in ``figures/``.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    out = Path(out_dir)
    page = Page(out / "report.html", out / "figures")
    page.draw(figures(result))
    return page.write(
        "break.html.j2",
        sections=[_section(one) for one in result.results],
        agrees=result.agrees,
        command=result.command,
        seconds=result.seconds,
        quick=any(one.quick for one in result.results),
        false_alarm=FALSE_ALARM,
        outlier=OUTLIER,
        provenance=outcome.provenance(
            result.summary(), [(one.scenario.name, one.seed) for one in result.results]
        ),
    )


def _section(one: ScenarioResult) -> dict[str, Any]:
    scenario = one.scenario
    return {
        "key": scenario.name.replace("-", "_"),
        "name": scenario.name,
        "title": scenario.title,
        "claim": scenario.claim,
        "limit": scenario.limit,
        "note": scenario.note,
        "dial": scenario.dial,
        "agrees": one.agrees,
        "quick": one.quick,
        "problems": scenario.problems[: one.problems],
        "verdicts": [_verdict(v) for v in one.verdicts],
        "rows": [row(one, p) for p in one.points],
        "outliers": [row(one, p) for v in one.verdicts for p in v.outliers],
        "seconds": one.seconds,
        "several": len(scenario.curves) > 1,
        "unjudged": any(not p.judged for p in one.points),
    }


def _verdict(v: Verdict) -> dict[str, Any]:
    return {
        "curve": v.curve,
        "chi2": f"{v.chi2:.1f}",
        "dof": v.dof,
        "p": v.p_value,
        "largest": outcome.deviation(v.largest, 1),
        "agrees": v.agrees,
        "outliers": len(v.outliers),
        "lost": v.lost,
    }
