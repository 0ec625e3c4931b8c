"""Cases of `sharpen` in the terminal: what each claims, and its checks."""

from __future__ import annotations

from pathlib import Path

from methexis.report.house import outcome
from methexis.report.house.paragraphs import say
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult


def print_case(one: CaseResult) -> None:
    """Print one case: its claim and its checks."""
    case = one.found.case
    console = outcome.begin(case.title, f"{case.name}, {one.seconds:.1f} s", case.claim)
    for check in one.checks:
        text = f"{check.name}: {check.found}; expected {check.expected}"
        say(console, text, lead=outcome.mark(check.passed), indent=4)


def print_sharpen(result: SharpenResult, out: Path) -> None:
    """Print the verdict over all cases."""
    outcome.print_outcome(result, out, words=("PASS", "FAIL"), otherwise="cases as predicted")
