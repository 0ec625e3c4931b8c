"""`write_reverse_report`: what does not return, predicted and measured; and in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from methexis.report.house import numbers, outcome
from methexis.report.house.page import Page
from methexis.report.reversing.figures import figures, has_overview, is_random
from methexis.report.reversing.text import row
from methexis.scenarios.framework.judging import FALSE_ALARM, OUTLIER
from methexis.scenarios.irreversibility.result import ReverseResult, ReverseScenarioResult
from methexis.scenarios.irreversibility.verdict import LAW, Verdict


def write_reverse_report(result: ReverseResult, out_dir: str | Path) -> Path:
    """Write the report of `run_reverse`: ``report.html``, and every figure as PDF in ``figures/``.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    out = Path(out_dir)
    page = Page(out / "report.html", out / "figures")
    page.draw(figures(result))
    return page.write(
        "reverse.html.j2",
        sections=[_section(one) for one in result.results],
        agrees=result.agrees,
        seconds=result.seconds,
        quick=any(one.quick for one in result.results),
        false_alarm=FALSE_ALARM,
        outlier=OUTLIER,
        allowed_law=LAW,
        provenance=outcome.provenance(
            result.summary(), [(one.scenario.name, one.seed) for one in result.results]
        ),
    )


def _section(one: ReverseScenarioResult) -> dict[str, Any]:
    scenario = one.scenario
    return {
        "key": scenario.name,
        "title": scenario.title,
        "claim": scenario.claim,
        "limit": scenario.limit,
        "note": scenario.note,
        "dial": scenario.dial,
        "agrees": one.agrees,
        "quick": one.quick,
        "overview": has_overview(one),
        "problems": scenario.problems[: 1 + max(p.problem for p in one.points)],
        "verdicts": [_verdict(v) for v in one.verdicts],
        "rows": [row(one, p) for p in one.points],
        "outliers": [row(one, p) for v in one.verdicts for p in v.outliers],
        "law": numbers.number(one.law, 2) if one.law > 0.0 else None,
        "random": is_random(one),
        "replicas": max(r.replicas for p in one.points for r in p.readings),
        "seconds": one.seconds,
    }


def _verdict(v: Verdict) -> dict[str, Any]:
    return {
        "curve": v.curve,
        "chi2": f"{v.chi2:.1f}",
        "dof": v.dof,
        "p": v.p_value,
        "largest": outcome.deviation(v.largest, 1),
        "rest_chi2": f"{v.rest_chi2:.0f}",
        "rest_dof": v.rest_dof,
        "rest_p": v.rest_p,
        "raw": f"{v.raw_chi2:.1f}",
        "raw_p": v.raw_p,
        "signal": numbers.number(v.signal, 2),
        "agrees": v.agrees,
    }
