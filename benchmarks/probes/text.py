"""What ``python -m benchmarks probes`` prints."""

from __future__ import annotations

from benchmarks.probes.job import ALONE, ProbesResult
from benchmarks.terminal import table, wide_console


def print_probes(result: ProbesResult) -> None:
    """Print the result; colours only on a terminal."""
    console = wide_console()
    machine = result.machine
    console.print(
        f"\n{machine['processor']}, {machine['cores']} cores, {machine['system']}, load "
        f"{machine['load']:.1f}"
    )
    rows = table("[bold]model[/bold]", "way", "s", f"× {ALONE}", "× processor time")
    for case, ways in result.seconds.items():
        for way in ways:
            rows.add_row(
                case,
                way,
                f"{result.median(case, way):.3g}",
                f"{result.ratio(case, way):.3f}",
                f"{result.ratio(case, way, processor=True):.3f}",
            )
    console.print(rows)
    counts = result.settings.memory
    memory = table("[bold]model[/bold]", "way", *(f"MiB above, {count:,}" for count in counts))
    for case, peaks in result.peaks.items():
        for way in peaks:
            if way != ALONE:
                memory.add_row(
                    case, way, *(f"{result.above(case, way, count):+.0f}" for count in counts)
                )
    console.print(memory)
