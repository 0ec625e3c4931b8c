"""`write_reverse_report`: what does not return, predicted and measured; and in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from methexis.report.house import numbers, outcome
from methexis.report.reversing.figures import figures, has_overview, is_random
from methexis.report.reversing.text import row
from methexis.scenarios.irreversibility.result import ReverseResult, ReverseScenarioResult
from methexis.scenarios.irreversibility.verdict import LAW


def write_reverse_report(result: ReverseResult, path: str | Path) -> Path:
    """Write the report of `run_reverse`: the page, and every figure as PDF.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    pictures = figures(result)
    return outcome.write("reverse.html.j2", result, path, pictures, _section, allowed_law=LAW)


def _section(one: ReverseScenarioResult) -> dict[str, Any]:
    return {
        **outcome.dial_section(one, row),
        "overview": has_overview(one),
        "law": numbers.number(one.law, 2) if one.law > 0.0 else None,
        "random": is_random(one),
    }
