"""What ``make bench`` prints: tables on a terminal, the same in plain lines without."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from benchmarks.engine.result import BenchResult
from benchmarks.terminal import print_end, print_origin, table, wide_console


def print_bench(result: BenchResult, out: Path | None = None) -> None:
    """Print the result; colours only on a terminal."""
    console = wide_console()
    how = (
        f"medians of {result.rounds} interleaved rounds of {result.seconds:g} s, their range "
        f"beside them{'; quick: a look, not a result' if result.quick else ''}"
    )
    print_origin(console, result.machine, result.versions, result.threads, how)
    _print_points(console, result)
    _print_scaling(console, result)
    _print_ceilings(console, result)
    print_end(console, result.targets, result.notes, out)


def _print_points(console: Console, result: BenchResult) -> None:
    for at in result.points:
        rows = table(
            f"[bold]{at.point.name}[/bold]", "µs/network-step", "range", "network-steps/s", "× jax"
        )
        rows.add_column("variant", overflow="fold")
        for row in sorted(at.rows.values(), key=lambda row: row.timing.median):
            timing = row.timing
            rows.add_row(
                row.name,
                f"{timing.median:.4g}",
                f"{timing.low:.4g} … {timing.high:.4g}",
                f"{timing.per_second:,.0f}",
                "" if at.jax is None else f"{at.jax / timing.median:.3g}",
                row.variant,
            )
        console.print()
        console.print(rows)


def _print_scaling(console: Console, result: BenchResult) -> None:
    rows = table(f"[bold]threads, {result.engine}[/bold]", "1", str(result.threads), "times faster")
    for s in result.scaling:
        rows.add_row(s.point, f"{s.one.median:.4g}", f"{s.many.median:.4g}", f"{s.speedup:.2f}")
    console.print()
    console.print(rows)
    if result.memory is None:
        return
    rows = table(f"[bold]cost of {result.engine}, by[/bold]", "at", "range", "off the line")
    for sweep in result.sweeps:
        rows.add_row(
            sweep.what,
            sweep.where,
            f"{min(sweep.sizes):,} … {max(sweep.sizes):,}",
            f"{sweep.deviation:.0%}" + ("" if sweep.proportional else " (with offset)"),
        )
    console.print()
    console.print(rows)
    memory = result.memory
    console.print(
        f"memory: {memory.peaks[0] / 2**20:.1f} MiB after {memory.steps[0]:,} steps, "
        f"{memory.growth / 2**10:+,.0f} KiB after {memory.steps[-1]:,} ({memory.point})"
    )


def _print_ceilings(console: Console, result: BenchResult) -> None:
    if not result.rates:
        return
    rows = table(
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
        rows.add_row(dtype, *(f"{rate[name]:.1f}" for name in names))
    console.print()
    console.print(rows)
    if not result.ceilings:
        return
    rows = table(
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
        rows.add_row(
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
    console.print(rows)
    _print_passes(console, result)


def _print_passes(console: Console, result: BenchResult) -> None:
    with_passes = [c for c in result.ceilings if c.passes]
    if not with_passes:
        return
    rows = table(
        "[bold]passes of a step, µs[/bold]",
        *with_passes[0].passes,
        "sum",
        "measured",
        "explained",
        "most that can be reached",
    )
    for c in with_passes:
        rows.add_row(
            c.point,
            *(f"{t:.3g}" for t in c.passes.values()),
            f"{sum(c.passes.values()):.3g}",
            f"{c.measured:.3g}",
            f"{c.fraction_of_passes:.0%}",
            f"{c.most:.0%}",
        )
    console.print(rows)
