"""Scenarios of `reverse` in the terminal, and the words for a point, which the page shares."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from methexis.report.house import outcome
from methexis.report.house.numbers import deviation
from methexis.report.house.paragraphs import say
from methexis.scenarios.irreversibility.records import Point
from methexis.scenarios.irreversibility.result import ReverseResult, ReverseScenarioResult
from methexis.scenarios.irreversibility.verdict import LAW


def print_reversal(one: ReverseScenarioResult, *, rows: bool) -> None:
    """Print one scenario; ``rows`` for its whole table, else only verdicts and outliers."""
    console = outcome.begin(one.scenario.title, one.name, one.scenario.claim)
    points = one.points if rows else [p for v in one.verdicts for p in v.outliers]
    _print_points(console, one, points)
    for v in one.verdicts:
        far = f", largest {deviation(v.largest, 1)} σ" if v.num_within < v.dof else ""
        say(console, f"{v.curve}: {v.statement}{far}", lead=outcome.mark(v.agrees), indent=4)
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
    words = ("AGREES", "DISAGREES")
    outcome.print_outcome(result, out, words=words, otherwise="scenarios with theory")


def row(one: ReverseScenarioResult, point: Point) -> dict[str, Any]:
    """One point in words."""
    return outcome.row(one, point, rounded(point)) | {"part": point.part}


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


def _print_points(console: Console, one: ReverseScenarioResult, points: Sequence[Point]) -> None:
    """A table for each way and problem."""
    for (curve, problem), group in itertools.groupby(points, lambda p: (p.curve, p.problem)):
        console.print(f"  [dim]{curve}, problem {problem + 1}[/dim]")
        table = outcome.table()
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
