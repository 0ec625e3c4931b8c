"""Scenarios of `reverse` in the terminal, and the words for a point, which the page shares."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from methexis.report.house import outcome
from methexis.report.house.paragraphs import say
from methexis.report.house.terminal import Terminal
from methexis.scenarios.framework.judging import OUTLIER
from methexis.scenarios.irreversibility.records import Point
from methexis.scenarios.irreversibility.result import ReverseResult, ReverseScenarioResult
from methexis.scenarios.irreversibility.verdict import LAW


def print_reversal(one: ReverseScenarioResult, *, rows: bool) -> None:
    """Print one scenario; ``rows`` for its whole table, else only verdicts and outliers."""
    console = Terminal()
    console.print(f"\n[bold]{one.scenario.title}[/bold] [dim]({one.scenario.name})[/dim]")
    say(console, one.scenario.claim)
    if rows:
        _print_points(console, one, list(one.points))
    elif outliers := [p for v in one.verdicts for p in v.outliers]:
        _print_points(console, one, outliers)
    for v in one.verdicts:
        text = (
            f"{v.curve}: χ² {v.chi2:.1f} for {v.dof} points (p {v.p_value:.2g}), largest "
            f"{outcome.deviation(v.largest, 1)} σ"
        )
        say(console, text, lead=outcome.mark(v.agrees), indent=4)
        if v.rest_dof:
            text = (
                f"other directions: χ² {v.rest_chi2:.0f} for {v.rest_dof} (p {v.rest_p:.2g}); "
                f"plain means: χ² {v.raw_chi2:.1f}"
            )
            say(console, text, lead="    ", indent=4)
    if one.law > 0.0:
        text = f"charges: law kept within {one.law:.1g} (expected <= {LAW:g})"
        say(console, text, lead=outcome.mark(one.law <= LAW), indent=4)
    if one.quick:
        say(console, outcome.QUICK, style="dim")


def print_reverse(result: ReverseResult, out: Path) -> None:
    """Print the verdict over all scenarios."""
    count = len(result.results)
    outcome.print_outcome(
        [one.scenario.name for one in result.results if not one.agrees],
        words=("AGREES", "DISAGREES"),
        otherwise=f"{count} of {count} scenarios with theory",
        seconds=result.seconds,
        out=out,
    )


def row(one: ReverseScenarioResult, point: Point) -> dict[str, Any]:
    """One point in words."""
    predicted, measured, half = rounded(point)
    return {
        "curve": point.curve,
        "problem": point.problem + 1,
        "value": one.scenario.dial.label(point.value),
        "part": point.part,
        "predicted": predicted,
        "measured": measured,
        "half": half,
        "deviation": outcome.deviation(point.deviation),
        "outlier": abs(point.deviation) > OUTLIER,
    }


def rounded(point: Point) -> tuple[str, str, str]:
    """Prediction, measurement and half interval with the decimals that the error deserves.

    Seven of them at most; a smaller half interval is written as a power of ten.
    """
    exponent = int(f"{max(point.half, 1e-300):.1e}".split("e")[1])
    decimals = min(max(1 - exponent, 0), 7)
    least = 0.5 * 10.0**-decimals
    values = [
        f"{value:.{decimals}f}".replace("-", "−") if abs(value) >= least else "0"
        for value in (point.predicted, point.measured)
    ]
    half = f"{point.half:.{decimals}f}" if decimals < 7 else f"{point.half:.0e}"
    return values[0], values[1], half


def _print_points(console: Console, one: ReverseScenarioResult, points: list[Point]) -> None:
    """A table for each way and problem."""
    for (curve, problem), group in itertools.groupby(points, lambda p: (p.curve, p.problem)):
        console.print(f"  [dim]{curve}, problem {problem + 1}[/dim]")
        table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
        for name, width in (("    " + one.scenario.dial.symbol, 22), ("part", 17)):
            table.add_column(name, min_width=width, no_wrap=True)
        for name, width in (("predicted", 10), ("measured", 18), ("σ", 6)):
            table.add_column(name, justify="right", min_width=width)
        for point in group:
            words = row(one, point)
            cells = [f"    {words['value']}", words["part"], words["predicted"]]
            cells += [f"{words['measured']} ± {words['half']}", words["deviation"]]
            table.add_row(*cells, style="red" if words["outlier"] else None)
        console.print(table)
