"""A translation in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from methexis.report.house.terminal import Terminal
from methexis.report.translating import words
from methexis.text import brief
from methexis.transport.job import TranslateResult

#: Most signs of a side's name in a line.
_NAME = 20


def print_translate(result: TranslateResult, out: Path, seconds: float | None = None) -> None:
    """Print all that was found, where report and maps are, and how long it took."""
    console = Terminal()
    translation = result.translation
    good = translation.certificate.predicts or translation.certificate.matches
    conclude(console, result.conclusion + ".", good=good)
    head = f"  {'':<17}{'pairs':>8}{'predicted':>18}{'partners found':>18}{'median rank':>15}"
    console.print(Text(head, style="dim"), soft_wrap=True)
    arrows = f"{'A → B':>10}{'B → A':>8}{'A → B':>10}{'B → A':>8}{'A → B':>8}{'B → A':>7}"
    console.print(Text(f"  {'':<25}{arrows}", style="dim"), soft_wrap=True)
    for row in words.rows(translation):
        line = f"  {row['name']:<17}{row['pairs']:>8}"
        line += "".join(f"{_small(v):>{w}}" for v, w in zip(row["share"], (10, 8), strict=True))
        line += "".join(f"{_small(v):>{w}}" for v, w in zip(row["top1"], (10, 8), strict=True))
        line += "".join(f"{v:>{w}}" for v, w in zip(row["rank"], (8, 7), strict=True))
        console.print(Text(line, style="bold" if row["main"] else ""), soft_wrap=True)
    console.print()
    name_sides(console, translation.names, "; shares in %, of samples not seen")
    _wrapped(console, f"predicted by {words.predicted_by(translation)}", "")
    _wrapped(console, f"matched in the common space of {words.matched_by(translation)}", "")
    end(console, translation.notes, out, result.seconds if seconds is None else seconds)


def conclude(console: Terminal, sentence: str, *, good: bool) -> None:
    """Print the certificate in one sentence, in red where it says do not."""
    console.print()
    _wrapped(console, sentence, "bold" if good else "bold red")
    console.print()


def name_sides(console: Terminal, names: tuple[str, str], more: str) -> None:
    """Print which side is A and which is B, and what else there is to know of the table."""
    a, b = (_cut(brief(name)) for name in names)
    _wrapped(console, f"A is {a}, B is {b}{more}.", "dim")


def end(console: Terminal, notes: Sequence[str], out: Path, seconds: float) -> None:
    """Print what limits it, how long it took, and where maps and report are."""
    for note in notes:
        _wrapped(console, f"note: {note}", "yellow")
    console.print(f"\n[dim]seconds: {seconds:.1f}[/dim]")
    console.print(f"maps: {out / 'maps.npz'}", soft_wrap=True, markup=False)
    console.print(f"report: {out / 'report.html'}", soft_wrap=True, markup=False)


def _small(share: str) -> str:
    """A share without its unit, which the line below the table has."""
    return "< −100" if share.startswith("below") else share.removesuffix(" %")


def _cut(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _wrapped(console: Terminal, sentence: str, style: str) -> None:
    glued = sentence.replace(" %", "\N{NO-BREAK SPACE}%")
    filled = textwrap.fill(glued, min(console.width, 120), break_long_words=False)
    console.print(Text(filled.replace("\N{NO-BREAK SPACE}%", " %"), style=style))
