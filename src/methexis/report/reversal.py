"""`write_reverse_report`: what does not return, predicted and measured; and in text."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from methexis.report import numbers, outcome, retraced, style
from methexis.report.page import Page
from methexis.report.paragraphs import say
from methexis.scenarios.framework.judging import FALSE_ALARM, OUTLIER
from methexis.scenarios.irreversibility.records import Point
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
    with style.house_style():
        for one in result.results:
            key, title = one.scenario.name, one.scenario.title
            if _has_overview(one):
                alt = f"{title}: what does not return against the number of steps"
                page.add(f"{key}_overview", retraced.overview(one), alt)
                narrow = retraced.overview(one, width=style.PANEL, height=560)
                page.add(f"{key}_overview_narrow", narrow, alt)
            page.add(f"{key}_amounts", retraced.amounts(one), f"{title}: amounts and theory")
            if _random(one):
                alt = f"{title}: measured less predicted"
                page.add(f"{key}_second", retraced.deviations(one), alt)
            else:
                alt = f"{title}: what does not return against the number of steps"
                page.add(f"{key}_second", retraced.lengths(one), alt)
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
        "overview": _has_overview(one),
        "problems": scenario.problems[: 1 + max(p.problem for p in one.points)],
        "verdicts": [_verdict(v) for v in one.verdicts],
        "rows": [_row(one, p) for p in one.points],
        "outliers": [_row(one, p) for v in one.verdicts for p in v.outliers],
        "law": numbers.number(one.law, 2) if one.law > 0.0 else None,
        "random": _random(one),
        "replicas": max(r.replicas for p in one.points for r in p.readings),
        "seconds": one.seconds,
    }


def _random(one: ReverseScenarioResult) -> bool:
    return any(p.readings[0].replicas > 1 for p in one.points)


def _has_overview(one: ReverseScenarioResult) -> bool:
    return bool(one.controls) and _random(one)


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


def _row(one: ReverseScenarioResult, point: Point) -> dict[str, Any]:
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


def print_reversal(one: ReverseScenarioResult, *, rows: bool) -> None:
    """Print one scenario; ``rows`` for its whole table, else only verdicts and outliers."""
    console = Console(highlight=False)
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
            row = _row(one, point)
            cells = [f"    {row['value']}", row["part"], row["predicted"]]
            cells += [f"{row['measured']} ± {row['half']}", row["deviation"]]
            table.add_row(*cells, style="red" if row["outlier"] else None)
        console.print(table)
