"""Cases of `sharpen` in the terminal: what each claims, and its checks."""

from __future__ import annotations

from pathlib import Path

from methexis.report.house import outcome
from methexis.report.house.paragraphs import say
from methexis.report.house.terminal import Terminal
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult


def print_case(one: CaseResult) -> None:
    """Print one case: its claim and its checks."""
    console = Terminal()
    case = one.found.case
    console.print(f"\n[bold]{case.title}[/bold] [dim]({case.name}, {one.seconds:.1f} s)[/dim]")
    say(console, case.claim)
    for check in one.checks:
        text = f"{check.name}: {check.found}; expected {check.expected}"
        say(console, text, lead=outcome.mark(check.passed), indent=4)


def print_sharpen(result: SharpenResult, out: Path) -> None:
    """Print the verdict over all cases."""
    count = len(result.results)
    outcome.print_outcome(
        [one.found.case.name for one in result.results if not one.passed],
        words=("PASS", "FAIL"),
        otherwise=f"{count} of {count} cases as predicted",
        seconds=result.seconds,
        out=out,
    )
