"""`write_break_report`: every dial, the prediction drawn through the measurement; and in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from methexis.report import dials, numbers, outcome, style
from methexis.report.page import Page
from methexis.report.paragraphs import say
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult, Verdict
from methexis.scenarios.framework.judging import FALSE_ALARM, OUTLIER

#: Significant digits of a standard error.
_DIGITS = 2


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
    with style.house_style():
        for one in result.results:
            key = one.scenario.name.replace("-", "_")
            title = one.scenario.title
            if len(result.results) > 1:
                page.add(f"{key}_small", dials.alignments(one, small=True), f"{title}: alignment")
            page.add(f"{key}_alignment", dials.alignments(one), f"{title}: alignment and theory")
            figure = dials.gaps(one) if one.quick else dials.deviations(one)
            page.add(f"{key}_deviation", figure, f"{title}: measured less predicted")
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
        "rows": [_row(one, p) for p in one.points],
        "outliers": [_row(one, p) for v in one.verdicts for p in v.outliers],
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


def _row(one: ScenarioResult, point: Point) -> dict[str, Any]:
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


def print_scenario(one: ScenarioResult, *, rows: bool) -> None:
    """Print one scenario; ``rows`` for its whole table, else only verdicts and outliers."""
    console = Console(highlight=False)
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
        console = Console(highlight=False)
        console.print()
        say(console, outcome.QUICK, lead="", indent=0, style="dim")
    outcome.print_outcome(
        [one.scenario.name for one in result.results if not one.agrees],
        words=("AGREES", "DISAGREES"),
        otherwise=f"{count} of {count} scenarios with theory",
        seconds=result.seconds,
        out=out,
    )


def _table(one: ScenarioResult, points: list[Point]) -> Table:
    """Points of one curve."""
    several = one.problems > 1
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    columns = ["    " + one.scenario.dial.symbol, *(["problem"] if several else [])]
    columns += ["predicted", "measured", *(["allowed", "σ beyond"] if one.quick else ["σ"])]
    for i, name in enumerate(columns):
        table.add_column(name, justify="left" if i == 0 else "right", no_wrap=True)
    for point in points:
        row = _row(one, point)
        cells = [f"    {row['value']}", *([str(row["problem"])] if several else [])]
        cells += [row["predicted"], f"{row['measured']} ± {row['half']}"]
        cells += [row["allowed"], row["deviation"]] if one.quick else [row["deviation"]]
        table.add_row(*cells, style="red" if row["outlier"] else None)
    return table
