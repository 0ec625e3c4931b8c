"""Scenarios of `break` in the terminal, and the words for a point, which the page shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from methexis.report.house import numbers, outcome
from methexis.report.house.paragraphs import say
from methexis.report.house.terminal import Terminal
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult
from methexis.scenarios.framework.judging import OUTLIER

#: Significant digits of a standard error.
_DIGITS = 2


def print_scenario(one: ScenarioResult, *, rows: bool) -> None:
    """Print one scenario; ``rows`` for its whole table, else only verdicts and outliers."""
    console = Terminal()
    name = f"{one.scenario.name}, {one.seconds:.1f} s"
    console.print(f"\n[bold]{one.scenario.title}[/bold] [dim]({name})[/dim]")
    say(console, one.scenario.claim)
    for v in one.verdicts:
        lost = f"; {v.lost} replica{'s' * (v.lost > 1)} lost" if v.lost else ""
        text = (
            f"{v.curve}: χ² {v.chi2:.1f} for {v.dof} points (p {v.p_value:.2g}), "
            f"largest {v.largest:+.1f} σ{lost}"
        )
        say(console, text, lead=outcome.mark(v.agrees), indent=4)
        points = one.of(v.curve) if rows else list(v.outliers)
        if points:
            console.print(_table(one, points))
    if one.quick and rows:
        say(console, outcome.QUICK, style="dim")


def print_break(result: BreakResult, out: Path) -> None:
    """Print the verdict over all scenarios."""
    count = len(result.results)
    if count > 1 and any(one.quick for one in result.results):
        console = Terminal()
        console.print()
        say(console, outcome.QUICK, lead="", indent=0, style="dim")
    outcome.print_outcome(
        [one.scenario.name for one in result.results if not one.agrees],
        words=("AGREES", "DISAGREES"),
        otherwise=f"{count} of {count} scenarios with theory",
        seconds=result.seconds,
        out=out,
    )


def row(one: ScenarioResult, point: Point) -> dict[str, Any]:
    """One point in words."""
    predicted, measured, half = rounded(point)
    return {
        "curve": point.curve,
        "problem": point.problem + 1,
        "value": one.scenario.dial.label(point.value),
        "pair": " and ".join(point.pair),
        "predicted": predicted,
        "measured": measured,
        "half": half,
        "allowed": numbers.number(point.allowed, 2),
        "deviation": outcome.deviation(point.deviation),
        "outlier": point.judged and abs(point.deviation) > OUTLIER,
        "judged": point.judged,
    }


def rounded(point: Point) -> tuple[str, str, str]:
    """Prediction, measurement and half interval with the decimals that the error deserves."""
    exponent = int(f"{max(point.half, 1e-9):.1e}".split("e")[1])
    decimals = min(max(_DIGITS - 1 - exponent, 3), 9)
    predicted, measured, half = (
        f"{value:.{decimals}f}" for value in (point.predicted, point.measured, point.half)
    )
    return predicted, measured, half


def _table(one: ScenarioResult, points: list[Point]) -> Table:
    """Points of one curve."""
    several = one.problems > 1
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    columns = ["    " + one.scenario.dial.symbol, *(["problem"] if several else [])]
    columns += ["predicted", "measured", *(["allowed", "σ beyond"] if one.quick else ["σ"])]
    for i, name in enumerate(columns):
        table.add_column(name, justify="left" if i == 0 else "right", no_wrap=True)
    for point in points:
        words = row(one, point)
        cells = [f"    {words['value']}", *([str(words["problem"])] if several else [])]
        cells += [words["predicted"], f"{words['measured']} ± {words['half']}"]
        cells += [words["allowed"], words["deviation"]] if one.quick else [words["deviation"]]
        table.add_row(*cells, style="red" if words["outlier"] else None)
    return table
