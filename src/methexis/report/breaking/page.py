"""`write_break_report`: every dial, the prediction drawn through the measurement; and in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from methexis.report.breaking.figures import figures
from methexis.report.breaking.table import grid
from methexis.report.breaking.text import row
from methexis.report.house import outcome
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult


def write_break_report(result: BreakResult, path: str | Path) -> Path:
    """Write the report of `run_break`.

    Parameters
    ----------
    result : BreakResult
        What was found.
    path : path
        Where to, as `write_report` takes it.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    return outcome.write("break.html.j2", result, path, figures(result), _section)


def _section(one: ScenarioResult) -> dict[str, Any]:
    return {
        **outcome.dial_section(one, row),
        "groups": one.scenario.groups,
        "grid": grid(one) if one.scenario.groups else [],
        "kinds": one.scenario.dial.names,
        "several": len(one.scenario.curves) > 1,
        "unjudged": any(not p.judged for p in one.points),
    }
