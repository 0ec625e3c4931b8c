"""A study of several subjects in the terminal: the statement, the models, what limits it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from methexis.report.house.terminal import Terminal
from methexis.report.subjects import words
from methexis.scenarios.subjects.result import SubjectsResult

#: Most columns of a paragraph, most models and pairs that are printed, signs of a name.
_WIDEST, _MOST, _NAME = 100, 20, 24


def print_subjects(result: SubjectsResult, out: Path, seconds: float | None = None) -> None:
    """Print what was found, where the report is, and how long all of it took."""
    console = Terminal()
    width = min(console.width, _WIDEST)

    def paragraph(text: str, look: str = "") -> None:
        console.print(Text(textwrap.fill(text, width), style=look))

    console.print()
    paragraph(result.conclusion, "bold")
    console.print()
    paragraph(_sizes(result), "dim")
    console.print()
    models = words.models(result)
    _table(
        console,
        (
            "model",
            "mean",
            f"{result.settings.confidence:.0%} interval",
            "p above 0",
            "p below ceiling",
        ),
        [tuple(one.values()) for one in models],
    )
    paragraph(f"noise ceiling {words.ceiling(result)}; p corrected by Holm's method", "dim")
    pairs = words.pairs(result)
    if pairs:
        console.print()
        heads = ("model", "beside", "difference", "p", "p corr.")
        _table(console, heads, [tuple(one.values()) for one in pairs], names=2)
    if result.limits:
        console.print()
    for note in result.limits:
        paragraph(f"note: {note}", "yellow")
    console.print(f"\n[dim]seconds: {result.seconds if seconds is None else seconds:.1f}[/dim]")
    console.print(f"report: {out / 'report.html'}", soft_wrap=True, markup=False)


def _sizes(result: SubjectsResult) -> str:
    first = result.subjects[0]
    text = f"{len(result.subjects)} subjects, {result.group.n} conditions"
    if first.num_channels is not None:
        channels = [one.num_channels or 0 for one in result.subjects]
        runs = [one.num_runs or 0 for one in result.subjects]
        text += f", {_range(runs)} runs, {_range(channels)} channels, crossnobis"
    sources = sorted({one.noise for one in result.subjects})
    text += f"; noise: {'; '.join(sources)}; models: {result.dissimilarity} distances"
    order = words.order(result)
    return f"{text}; {order}" if order else text


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def _table(
    console: Terminal, heads: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1
) -> None:
    """Columns side by side, names to the left and numbers to the right."""
    shown = [[_cut(text) if k < names else text for k, text in enumerate(row)] for row in rows]
    widths = [max(len(head), *(len(row[k]) for row in shown)) for k, head in enumerate(heads)]

    def line(row: Sequence[str]) -> str:
        parts = [
            f"{text:<{widths[k]}}" if k < names else f"{text:>{widths[k]}}"
            for k, text in enumerate(row)
        ]
        return "  " + "  ".join(parts)

    console.print(Text(line(heads), style="dim"), soft_wrap=True)
    for row in shown[:_MOST]:
        console.print(Text(line(row)), soft_wrap=True)
    if len(shown) > _MOST:
        console.print(Text(f"  and {len(shown) - _MOST} more, in the report", style="dim"))


def _cut(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
