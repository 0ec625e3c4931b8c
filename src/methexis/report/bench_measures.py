"""What ``methexis bench measures`` prints: tables on a terminal, plain lines without one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from methexis.bench import MeasuresResult

#: Columns where there is no terminal to ask.
_WIDTH = 140


def print_measures_bench(result: MeasuresResult, out: Path | None = None) -> None:
    """Print the result; colours only on a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    machine, (layers, n, d) = result.machine, result.settings.grid
    console.print(
        f"\n{machine['processor']}, {machine['cores']} cores ({machine['architecture']}), "
        f"{machine['system']}; every peer with {result.threads} threads"
    )
    console.print(", ".join(f"{name} {version}" for name, version in result.versions.items()))
    if machine["load"] is not None and machine["load"] > 0.5 + result.threads:
        console.print(f"the machine was busy with other things (load {machine['load']:.1f})")
    _print_agreement(console, result)
    _print_speeds(console, result, f"{layers} x {layers} layers, n = {n}, d = {d}, float32")
    if result.memory is not None:
        memory = result.memory
        console.print(
            f"\nCKA of {memory['rows']:,} x {memory['features']} from disk, "
            f"{memory['bytes_read'] / 1e9:.2f} GB: {memory['seconds']:.1f} s, "
            f"at most {memory['peak_bytes'] / 1e6:,.0f} MB"
        )
    table = _table("[bold]targets[/bold]", "wanted", "got", "")
    for target in result.targets:
        got = "not measured" if target.got is None else f"{target.got:.3g}"
        mark = "" if target.got is None else "✓" if target.reached else "✗"
        bound = ">=" if target.at_least else "<="
        table.add_row(target.what, f"{bound} {target.wanted:g}", got, mark)
    console.print()
    console.print(table)
    for note in result.notes:
        console.print(note)
    if out is not None:
        console.print(f"report: {out}")


def _table(*columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _print_agreement(console: Console, result: MeasuresResult) -> None:
    table = _table("[bold]peer[/bold]", "ours", "n, d, d", "ours", "theirs", "difference")
    table.add_column("why", overflow="fold")
    for row in result.agreements:
        options = ", ".join(f"{k}={v}" for k, v in row.options.items())
        table.add_row(
            f"{row.peer}: {row.function}",
            f"{row.measure}({options})",
            ", ".join(map(str, row.shape)),
            f"{row.ours:.6f}",
            f"{row.theirs:.6f}",
            f"{row.difference:.0e}",
            row.reason if row.agrees or row.explained else f"not explained; {row.reason}",
        )
    console.print()
    console.print(table)


def _print_speeds(console: Console, result: MeasuresResult, words: str) -> None:
    for speed in result.speeds:
        table = _table(f"[bold]{speed.measure}[/bold], {words}", "s of a grid", "range", "× ours")
        table.add_column("timed", overflow="fold")
        ours = speed.seconds["methexis"].median
        for name, timing in sorted(speed.seconds.items(), key=lambda item: item[1].median):
            table.add_row(
                name,
                f"{timing.median:.4g}",
                f"{timing.low:.4g} … {timing.high:.4g}",
                f"{timing.median / ours:,.3g}",
                speed.variants[name] + (", counted up" if speed.extrapolated[name] else ""),
            )
        console.print()
        console.print(table)
