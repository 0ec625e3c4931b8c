"""What reports of `break`, `sharpen` and `reverse` share: page, table, deviations, the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rich.table import Table

from methexis.plots.panel import Picture
from methexis.report.house.numbers import deviation
from methexis.report.house.page import Page
from methexis.report.house.paragraphs import say
from methexis.report.house.terminal import Terminal
from methexis.scenarios.framework.judging import FALSE_ALARM, OUTLIER
from methexis.scenarios.framework.points import DialPoint
from methexis.scenarios.framework.results import DialResult, JobResult, Judged

#: What is said of a quick run.
QUICK = (
    "Quick: one problem, few learning rates. What these leave of higher orders is allowed for, and "
    "deviations count beyond that."
)


def key(one: Judged) -> str:
    """A part's name as it stands in names of figures."""
    return one.name.replace("-", "_")


def write(
    template: str,
    result: JobResult[Any],
    path: str | Path,
    pictures: Iterable[Picture],
    section: Callable[[Any], dict[str, Any]],
    **context: Any,
) -> Path:
    """Write ``report.html`` with a section for each part, and every figure as PDF in ``figures/``.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    page = Page.at(path)
    page.draw(pictures)
    summary = result.summary()
    provenance = {
        "command": result.command,
        "first seeds": ", ".join(f"{one.name} {one.seed}" for one in result.results),
        "version": summary["version"],
        "libraries": ", ".join(f"{k} {v}" for k, v in summary["libraries"].items()),
        "machine": ", ".join(f"{k} {v}" for k, v in summary["machine"].items()),
    }
    return page.write(
        template,
        sections=[{"key": key(one), **section(one)} for one in result.results],
        agrees=result.agrees,
        seconds=result.seconds,
        quick=any(one.quick for one in result.results),
        false_alarm=FALSE_ALARM,
        outlier=OUTLIER,
        provenance=list(provenance.items()),
        **context,
    )


def dial_section(one: DialResult[Any], row: Callable[[Any, Any], dict[str, Any]]) -> dict[str, Any]:
    """What a page shows of any scenario; ``row`` has a point in words."""
    told = ("title", "claim", "limit", "note", "dial")
    return {
        **{name: getattr(one.scenario, name) for name in told},
        "agrees": one.agrees,
        "quick": one.quick,
        "problems": one.scenario.problems[: one.problems],
        "verdicts": one.verdicts,
        "rows": [row(one, p) for p in one.points],
        "outliers": [row(one, p) for v in one.verdicts for p in v.outliers],
    }


def row(one: DialResult[Any], point: DialPoint, rounded: tuple[str, str, str]) -> dict[str, Any]:
    """One point in words, given its prediction, measurement and half interval in such."""
    return {
        "curve": point.curve,
        "problem": point.problem + 1,
        "value": one.scenario.dial.label(point.value),
        **dict(zip(("predicted", "measured", "half"), rounded, strict=True)),
        "deviation": deviation(point.deviation),
        "outlier": abs(point.deviation) > OUTLIER,
    }


def table() -> Table:
    """A table of points on the terminal, without lines."""
    return Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")


def begin(title: str, remark: str, claim: str) -> Terminal:
    """Print the head of a part, and return where its verdicts go."""
    console = Terminal()
    console.print(f"\n[bold]{title}[/bold] [dim]({remark})[/dim]")
    say(console, claim)
    return console


def mark(passed: bool) -> str:
    """The lead of a check on the terminal, four columns wide."""
    return "  [green]✓[/green] " if passed else "  [red]✗[/red] "


def print_outcome(
    result: JobResult[Any], out: Path, *, words: tuple[str, str], otherwise: str
) -> None:
    """Print the last lines: the verdict, what failed or ``otherwise``, the time, the page.

    Parameters
    ----------
    words : tuple of two str
        The verdict if nothing failed, and if something did.
    otherwise : str
        What to say of a success, after the number of parts.
    """
    console = Terminal()
    failed, count = [one.name for one in result.results if not one.agrees], len(result.results)
    word = f"[bold red]{words[1]}[/bold red]" if failed else f"[bold green]{words[0]}[/bold green]"
    console.print()
    why = f"not {', '.join(failed)}" if failed else f"{count} of {count} {otherwise}"
    say(console, why, lead=f"{word}  ", indent=len(words[bool(failed)]) + 2)
    console.print(f"[dim]seconds: {result.seconds:.1f}[/dim]")
    console.print(f"report: {out / 'report.html'}", soft_wrap=True, markup=False)
