"""What ``methexis bench engine`` prints: tables on a terminal, the same in plain lines without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from methexis.bench import BenchResult

#: Columns where there is no terminal to ask.
_WIDTH = 140


def print_bench(result: BenchResult, out: Path | None = None) -> None:
    """Print the result; colours only on a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    machine = result.machine
    console.print(
        f"\n{machine['processor']}, {machine['cores']} cores ({machine['architecture']}), "
        f"{machine['system']}; every peer with {result.threads} threads"
    )
    console.print(", ".join(f"{name} {version}" for name, version in result.versions.items()))
    console.print(
        f"medians of {result.rounds} interleaved rounds of {result.seconds:g} s, their range "
        f"beside them{'; quick: a look, not a result' if result.quick else ''}"
    )
    if machine["load"] is not None and machine["load"] > 0.5 + result.threads:
        console.print(f"the machine was busy with other things (load {machine['load']:.1f})")
    _print_points(console, result)
    _print_scaling(console, result)
    _print_ceilings(console, result)
    _print_targets(console, result)
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


def _print_points(console: Console, result: BenchResult) -> None:
    for at in result.points:
        table = _table(
            f"[bold]{at.point.name}[/bold]", "µs/network-step", "range", "network-steps/s", "× jax"
        )
        table.add_column("variant", overflow="fold")
        for row in sorted(at.rows.values(), key=lambda row: row.timing.median):
            timing = row.timing
            table.add_row(
                row.name,
                f"{timing.median:.4g}",
                f"{timing.low:.4g} … {timing.high:.4g}",
                f"{timing.per_second:,.0f}",
                "" if at.jax is None else f"{at.jax / timing.median:.3g}",
                row.variant,
            )
        console.print()
        console.print(table)


def _print_scaling(console: Console, result: BenchResult) -> None:
    table = _table(
        f"[bold]threads, {result.engine}[/bold]", "1", str(result.threads), "times faster"
    )
    for s in result.scaling:
        table.add_row(s.point, f"{s.one.median:.4g}", f"{s.many.median:.4g}", f"{s.speedup:.2f}")
    console.print()
    console.print(table)
    table = _table(f"[bold]cost of {result.engine}, by[/bold]", "at", "range", "off the line")
    for sweep in result.sweeps:
        table.add_row(
            sweep.what,
            sweep.where,
            f"{min(sweep.sizes):,} … {max(sweep.sizes):,}",
            f"{sweep.deviation:.0%}" + ("" if sweep.proportional else " (with offset)"),
        )
    console.print()
    console.print(table)
    memory = result.memory
    console.print(
        f"memory: {memory.peaks[0] / 2**20:.1f} MiB after {memory.steps[0]:,} steps, "
        f"{memory.growth / 2**10:+,.0f} KiB after {memory.steps[-1]:,} ({memory.point})"
    )


def _print_ceilings(console: Console, result: BenchResult) -> None:
    if not result.rates:
        return
    table = _table(
        f"[bold]ceilings, {result.rates['instruction_set']}, one thread[/bold]",
        "Gflop/s, registers",
        "GB/s, 2 loads + store: L1",
        "L2",
        "loads: L1",
        "L2",
    )
    for dtype in ("float64", "float32"):
        rate = {name: 1e-9 * value for name, value in result.rates[dtype].items()}
        names = ("fma", "update L1", "update L2", "load L1", "load L2")
        table.add_row(dtype, *(f"{rate[name]:.1f}" for name in names))
    console.print()
    console.print(table)
    if not result.ceilings:
        return
    table = _table(
        "",
        "flops",
        "bytes",
        "µs least",
        "binding",
        "µs draws",
        "µs measured",
        "reached",
        "with draws",
    )
    for c in result.ceilings:
        table.add_row(
            c.point,
            f"{c.flops:,.0f}",
            f"{c.bytes:,.0f}",
            " / ".join(f"{t:.3g}" for t in c.times.values()),
            c.binding,
            f"{c.draws:.3g}",
            f"{c.measured:.3g}",
            f"{c.fraction:.0%}",
            f"{c.fraction_with_draws:.0%}",
        )
    console.print(table)


def _print_targets(console: Console, result: BenchResult) -> None:
    table = _table("[bold]targets[/bold]", "wanted", "got", "")
    for target in result.targets:
        if target.got is None:
            got, mark = "not measured", ""
        else:
            got, mark = f"{target.got:.3g}", "✓" if target.reached else "✗"
        bound = ">=" if target.at_least else "<="
        table.add_row(target.what, f"{bound} {target.wanted:g}", got, mark)
    console.print()
    console.print(table)
