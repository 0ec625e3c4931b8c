"""What ``python -m benchmarks felt`` prints."""

from __future__ import annotations

from benchmarks.felt.calls import CALLS, REFERENCE
from benchmarks.felt.job import FeltResult
from benchmarks.terminal import table, wide_console


def print_felt(result: FeltResult) -> None:
    """Print the result; colours only on a terminal."""
    console = wide_console()
    machine = result.machine
    console.print(f"\n{machine['processor']}, {machine['cores']} cores, {machine['system']}")
    rows = table("[bold]call[/bold]", "s", "range", f"× {REFERENCE}", "× steps")
    rows.add_column("what", overflow="fold")
    what = {row: call.what for call in CALLS for row in call.rows}
    for name, timing in result.seconds.items():
        rows.add_row(
            name,
            f"{timing.median:.3g}",
            f"{timing.low:.3g} … {timing.high:.3g}",
            f"{result.ratio(name):.3g}",
            "" if (steps := result.over_steps(name)) is None else f"{steps:.3g}",
            what[name],
        )
    console.print(rows)
