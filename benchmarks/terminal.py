"""What both benchmarks print in the same words: where they ran, tables, targets, and the end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.target import Target

#: Columns where there is no terminal to ask.
_WIDTH = 140


def wide_console(width: int = _WIDTH) -> Console:
    """A console with colours only on a terminal, and with room for tables where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=width)


def print_origin(
    console: Console, machine: dict[str, Any], versions: dict[str, str], threads: int, how: str = ""
) -> None:
    """Say what the numbers are from: machine, versions, how they were taken, and what else ran."""
    console.print(
        f"\n{machine['processor']}, {machine['cores']} cores ({machine['architecture']}), "
        f"{machine['system']}; every peer with {threads} threads"
    )
    console.print(", ".join(f"{name} {version}" for name, version in versions.items()))
    if how:
        console.print(how)
    if machine["load"] is not None and machine["load"] > 0.5 + threads:
        console.print(f"the machine was busy with other things (load {machine['load']:.1f})")


def table(*columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    found = Table(box=None, padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        found.add_column(column, justify="left" if i == 0 else "right")
    return found


def print_end(
    console: Console, targets: Iterable[Target], notes: Iterable[str], out: Path | None
) -> None:
    """What was wanted and what came, what has to be known beside it, and where the result is."""
    rows = table("[bold]targets[/bold]", "wanted", "got", "")
    for target in targets:
        got = "not measured" if target.got is None else f"{target.got:.3g}"
        mark = "" if target.got is None else "✓" if target.reached else "✗"
        bound = ">=" if target.at_least else "<="
        rows.add_row(target.what, f"{bound} {target.wanted:g}", got, mark)
    console.print()
    console.print(rows)
    for note in notes:
        console.print(note)
    if out is not None:
        console.print(f"report: {out}")
