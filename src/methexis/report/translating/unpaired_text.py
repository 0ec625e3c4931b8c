"""A translation without pairs in the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from methexis.report.house.terminal import Terminal
from methexis.report.translating import text, words
from methexis.transport.job_unpaired import UnpairedResult


def print_unpaired(result: UnpairedResult, out: Path, seconds: float | None = None) -> None:
    """Print what supports the maps, where report and maps are, and how long it took."""
    console = Terminal()
    translation = result.translation
    text.conclude(console, result.conclusion, good=translation.found)
    for name, value in words.support(translation):
        console.print(Text(f"  {name:<17}{value}"), soft_wrap=True)
    console.print()
    text.name_sides(console, translation.names, "")
    text.end(console, result.notes, out, result.seconds if seconds is None else seconds)
