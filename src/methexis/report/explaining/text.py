"""An explanation in the terminal."""

from __future__ import annotations

import textwrap
from pathlib import Path

from rich.text import Text

from methexis.explaining.explanation import Explanation
from methexis.explaining.job import ExplainResult
from methexis.report.explaining import words
from methexis.report.house.terminal import Terminal

#: Most pairs that are listed.
_MOST_PAIRS = 40
_NAME = 26


def print_explain(result: ExplainResult, out: Path, seconds: float | None = None) -> None:
    """Print all that was found, where the report is, and how long it took."""
    console = Terminal()
    console.print()
    _wrapped(console, result.conclusion + ".", "bold")
    console.print()
    if result.single is None:
        _pairs(console, result)
    else:
        _pair(console, result.single)
    took = result.seconds if seconds is None else seconds
    console.print(f"\n[dim]seconds: {took:.1f}[/dim]")
    console.print(f"report: {out / 'report.html'}", soft_wrap=True, markup=False)


def _pair(console: Terminal, explanation: Explanation) -> None:
    head = f"  {'maps that are allowed':<24}{'explained':>10}  {'interval':<17}{'gain':>7}  p"
    console.print(Text(head, style="dim"), soft_wrap=True)
    for row in words.rungs(explanation):
        sign = "→" if row["needed"] else "?" if row["possible"] else " "
        line = f"{sign} {row['title']:<24}{row['share']:>10}  {row['interval']:<17}{row['gain']:>7}"
        style = "bold" if row["needed"] else ""
        console.print(Text(f"{line}  {row['p']}", style=style), soft_wrap=True)
    console.print()
    for row in words.sides(explanation):
        told = (
            f"{row['name']}: {row['features']} features, rank {row['rank']}, effective dimension "
            f"{row['effective']}; {row['private']} dimensions of its own; a linear map leaves "
            f"{row['left']}"
        )
        told += f", which separates samples {row['apart']}" if row["apart"] else ""
        _wrapped(console, told, "")
    _wrapped(console, f"shared: {explanation.shared} dimensions", "")
    _wrapped(console, f"ancestry: {words.ancestry(explanation)}", "")
    if said := words.movers(explanation):
        _wrapped(console, said, "dim")
    for note in explanation.notes:
        _wrapped(console, f"note: {note}", "yellow")


def _pairs(console: Terminal, result: ExplainResult) -> None:
    rows, columns, rule = words.short_names(result, _NAME - 2)
    if rule:
        console.print(Text(f"  {rule}", style="dim"), soft_wrap=True)
    console.print(Text(f"  {'A':<{_NAME}}{'B':<{_NAME}}{'needed':<13}linear", style="dim"))
    every = list(result.found.pairs.items())
    for (row, column), one in every[:_MOST_PAIRS]:
        explained = words.share(one.rung_named("linear").share)
        both = f"{rows[row]:<{_NAME}}{columns[column]:<{_NAME}}"
        line = f"  {both}{one.rung or 'cannot tell':<13}"
        console.print(Text(f"{line}{explained}"), soft_wrap=True)
    if len(every) > _MOST_PAIRS:
        console.print(Text(f"  … {len(every) - _MOST_PAIRS} more, in result.json", style="dim"))


def _wrapped(console: Terminal, sentence: str, style: str) -> None:
    glued = sentence.replace(" %", "\N{NO-BREAK SPACE}%")
    filled = textwrap.fill(glued, min(console.width, 120), break_long_words=False)
    console.print(Text(filled.replace("\N{NO-BREAK SPACE}%", " %"), style=style))
