"""Scenarios of `break` in the terminal, and the words for a point, which the page shares."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rich.table import Table

from methexis.report.house import numbers, outcome
from methexis.report.house.paragraphs import say
from methexis.report.house.terminal import Terminal
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult

#: Significant digits of a standard error.
_DIGITS = 2


def print_scenario(one: ScenarioResult, *, rows: bool) -> None:
    """Print one scenario; ``rows`` for its whole table, else only verdicts and outliers."""
    scenario = one.scenario
    console = outcome.begin(scenario.title, f"{one.name}, {one.seconds:.1f} s", scenario.claim)
    for v in one.verdicts:
        lost = f"; {v.lost} replica{'s' * (v.lost > 1)} lost" if v.lost else ""
        far = f", largest {v.largest:+.1f} σ" if v.num_within < v.dof else ""
        if not v.judged:  # theory is silent on the whole curve
            say(console, f"{v.curve}: measured only{lost}", lead="    ", indent=4)
        else:
            told = f"{v.curve}: {v.statement}{far}{lost}"
            say(console, told, lead=outcome.mark(v.agrees), indent=4)
        points = one.of(v.curve) if rows else list(v.outliers)
        if points:
            console.print(_table(one, points))
    if one.quick and rows:
        say(console, outcome.QUICK, style="dim")


def print_break(result: BreakResult, out: Path) -> None:
    """Print the verdict over all scenarios."""
    if len(result.results) > 1 and any(one.quick for one in result.results):
        console = Terminal()
        console.print()
        say(console, outcome.QUICK, lead="", indent=0, style="dim")
    words = ("AGREES", "DISAGREES")
    outcome.print_outcome(result, out, words=words, otherwise="scenarios with theory")


def row(one: ScenarioResult, point: Point) -> dict[str, Any]:
    """One point in words."""
    words = outcome.row(one, point, rounded(point))
    words["outlier"] = words["outlier"] and point.judged
    if point.silent is not None:
        words |= {"deviation": "–", "allowed": "–"}
    else:
        words["allowed"] = numbers.number(point.allowed, 2)
    return words | {"judged": point.judged, "silent": point.silent}


def rounded(point: Point, most: int = 9) -> tuple[str, str, str]:
    """Prediction, measurement and half interval with the decimals that the error deserves.

    There are ``most`` of them at the most. Where theory is silent a dash is the prediction.
    """
    exponent = int(f"{max(point.half, 1e-9):.1e}".split("e")[1])
    decimals = min(max(_DIGITS - 1 - exponent, 3), most)
    predicted, measured, half = (
        "–" if math.isnan(value) else f"{value:.{decimals}f}"
        for value in (point.predicted, point.measured, point.half)
    )
    return predicted, measured, half


def _table(one: ScenarioResult, points: list[Point]) -> Table:
    """Points of one curve."""
    several = one.problems > 1
    table = outcome.table()
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
