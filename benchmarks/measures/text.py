"""What ``make bench-measures`` prints of packages: tables on a terminal, else plain lines."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from benchmarks.measures.job import MeasuresResult
from benchmarks.terminal import print_end, print_origin, table, wide_console


def print_measures_bench(result: MeasuresResult, out: Path | None = None) -> None:
    """Print the result; colours only on a terminal."""
    console = wide_console()
    layers, n, d = result.settings.grid
    print_origin(console, result.machine, result.versions, result.threads)
    _print_agreement(console, result)
    _print_speeds(console, result, f"{layers} x {layers} layers, n = {n}, d = {d}, float32")
    if result.memory is not None:
        memory = result.memory
        console.print(
            f"\nCKA of {memory['rows']:,} x {memory['features']} from disk, "
            f"{memory['bytes_read'] / 1e9:.2f} GB: {memory['seconds']:.1f} s, "
            f"at most {memory['peak_bytes'] / 1e6:,.0f} MB"
        )
    print_end(console, result.targets, result.notes, out)


def _print_agreement(console: Console, result: MeasuresResult) -> None:
    rows = table("[bold]peer[/bold]", "ours", "n, d, d", "ours", "theirs", "difference")
    rows.add_column("why", overflow="fold")
    for row in result.agreements:
        options = ", ".join(f"{k}={v}" for k, v in row.options.items())
        rows.add_row(
            f"{row.peer}: {row.function}",
            f"{row.measure}({options})",
            ", ".join(map(str, row.shape)),
            f"{row.ours:.6f}",
            f"{row.theirs:.6f}",
            f"{row.difference:.0e}",
            row.reason if row.agrees or row.explained else f"not explained; {row.reason}",
        )
    console.print()
    console.print(rows)


def _print_speeds(console: Console, result: MeasuresResult, words: str) -> None:
    for speed in result.speeds:
        rows = table(f"[bold]{speed.measure}[/bold], {words}", "s of a grid", "range", "× ours")
        rows.add_column("timed", overflow="fold")
        ours = speed.seconds["methexis"].median
        for name, timing in sorted(speed.seconds.items(), key=lambda item: item[1].median):
            rows.add_row(
                name,
                f"{timing.median:.4g}",
                f"{timing.low:.4g} … {timing.high:.4g}",
                f"{timing.median / ours:,.3g}",
                speed.variants[name] + (", counted up" if speed.extrapolated[name] else ""),
            )
        console.print()
        console.print(rows)
