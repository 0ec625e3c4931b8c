"""What ``python -m benchmarks transport`` prints."""

from __future__ import annotations

import statistics

from benchmarks.terminal import table, wide_console
from benchmarks.transport.job import TransportResult


def print_transport(result: TransportResult) -> None:
    """Print the result; colours only on a terminal."""
    console = wide_console()
    settings = result.settings
    console.print(
        f"\nPartners found among {settings.unseen:,} unseen samples, median of {settings.draws}"
    )
    rows = table("[bold]pairs[/bold]", *result.top1, "chosen", "s of processor")
    for count in settings.pairs:
        found = [f"{statistics.median(result.top1[way][count]):.3f}" for way in result.top1]
        kinds = sorted({f"{one}, matched by {other}" for one, other in result.chosen[count]})
        spent = f"{statistics.median(result.seconds[count]):.1f}"
        rows.add_row(f"{count:,}", *found, "; ".join(kinds), spent)
    console.print(rows)
