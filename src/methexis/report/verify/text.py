"""What ``methexis verify`` prints on the terminal: the proof's four steps in numbers."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from methexis.core.checks import Array
from methexis.report.house.terminal import Terminal

if TYPE_CHECKING:
    from methexis.scenarios import VerifyResult


def print_verify(result: VerifyResult, out: Path) -> None:
    """Print the result; colours only on a terminal, and no line over 80 columns."""
    console = Terminal()
    settings, schedule = result.settings, result.schedule
    _say(
        console,
        f"\nTwo students of one teacher ({result.source.dim_x} inputs, {result.source.dim_y} "
        f"labels; {settings.noise} noise with a quarter of the signal's variance), each with "
        "random frozen embeddings and its own view, of condition number "
        f"{settings.condition:g}:",
    )
    for k, student in enumerate(result.students):
        widths = ", ".join(map(str, student.hidden))
        _say(console, f"  student {k}: depth {student.depth}, hidden widths {widths}")
    _heading(console, "1", "What alignment means")
    num_layers = result.run.data.sizes["layer"]
    _say(
        console,
        "  Two hidden layers are aligned when one is the other rotated and scaled. Measured by the "
        "cosine of their Gram matrices: 1 is perfect. The worst pair is the least over all pairs "
        f"of the {num_layers} hidden layers, within and across students.",
    )
    _heading(console, "2", "Most minima of the loss lack it")
    table = _table("random minima, by law", "worst pair: median", "best", "S/S_min: least")
    for minima in result.minima:
        worst = minima.pairs.min(axis=1)
        table.add_row(
            f"{minima.distribution}, {len(worst)} draws",
            f"{np.median(worst):.3f}",
            f"{worst.max():.3f}",
            f"{minima.entropy_ratio.min():.3f}",
        )
    console.print(table)
    _heading(console, "3", "The entropic loss has one minimum, and it is Platonic")
    table = _table("student", "S_min = 4Dq", "S/S_min: start", "end", "S of each layer / 4q")
    ratios = result.run.data["entropy_ratio_projected"]
    first = result.prediction.entropy_ratio[0]
    for k, solution in enumerate(result.solutions):
        shares = np.median(result.layer_entropy[k], axis=0) / solution.layer_entropy
        table.add_row(
            str(k),
            f"{solution.entropy:.4g}",
            f"{np.median(first[:, k]):.3f}",
            f"{float(ratios[-1, :, k].median()):.4f}",
            " ".join(f"{s:.3f}" for s in shares),
        )
    console.print(table)
    _heading(console, "4", "SGD goes there")
    folds = f"{schedule.folds:.1f} relaxation times of the slowest mode"
    _say(
        console,
        f"  {settings.replicas} replicas, {schedule.steps:,} steps each ({folds}), batch "
        f"{schedule.batch}, learning rate {schedule.lr:.3g} annealed to "
        f"{schedule.lr * schedule.final_factor:.2g}, {settings.sampling} samples, {settings.loss} "
        "loss.",
    )
    console.print(_outcome(result))
    _print_lost(console, result)
    if result.epoch_turn is not None:
        _say(
            console,
            f"  Shuffled epochs: η λ_max N/B = {result.epoch_turn:.2g} at the start; the theory's "
            "limit needs it well below 1.",
        )
    if result.ways:
        _print_ways(console, result)
    console.print()
    for check in result.verdict.checks:
        mark = "[green]✓[/green]" if check.passed else "[red]✗[/red]"
        console.print(f"  {mark} {check.name}: {check.found} (expected {check.expected})")
    word = "[bold green]PASS[/bold green]" if result.verdict.passed else "[bold red]FAIL[/bold red]"
    console.print(f"\n{word}  {result.verdict.why}")
    times = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result.timings.items())
    console.print(f"[dim]seconds: {times}[/dim]")
    console.print(f"report: {out / 'report.html'}", soft_wrap=True, markup=False)


def _print_ways(console: Console, result: VerifyResult) -> None:
    _heading(console, "5", "How samples are drawn decides")
    _say(
        console,
        "  A second problem, with noise of condition number 25: the same six samples drawn "
        "independently, in shuffled epochs, and independently with errors in units of the noise. "
        "Each has a path of its own.",
    )
    table = _table("worst pair", "end: median", "projected", "predicted", "by the", "path apart")
    for way in result.ways:
        final = way.final
        numbers = (f"{final[name]:.6f}" for name in ("raw", "projected", "predicted"))
        table.add_row(way.name, *numbers, way.predicted_by, f"{way.largest_deviation:.3f}")
    console.print(table)


def _print_lost(console: Console, result: VerifyResult) -> None:
    data = result.run.data
    for i in np.flatnonzero(~result.run.healthy):
        step = max(int(data["diverged_step"][i]), int(data["collapsed_step"][i]))
        kind = "diverged" if int(data["diverged_step"][i]) >= 0 else "collapsed to zero"
        _say(
            console, f"  Replica {int(data['replica'][i])} {kind} by step {step:,} and is left out."
        )


def _outcome(result: VerifyResult) -> Table:
    predicted = f"{result.prediction.final_worst_pair:.6f}"
    start, begin = result.run.worst_pair()[0], result.control.worst_pair()[0]
    raw, projected, control = (result.worst(w) for w in ("raw", "projected", "control"))
    theory = float(result.mean_kernel_to_theory.min())
    table = _table("worst pair", "start", "end: median", "least", "predicted")
    for row in (
        ("SGD", _median(start), _median(raw, 6), _least(raw), predicted),
        ("  projected onto the minima", "", _median(projected, 6), _least(projected), predicted),
        ("  mean kernels", "", f"{result.mean_kernel.min():.6f}", "", predicted),
        ("    projected", "", f"{result.mean_kernel_projected.min():.6f}", "", predicted),
        ("    to the universal kernel", "", f"{theory:.6f}", "", ""),
        ("gradient flow (force off)", _median(begin), _median(control), _least(control, 3), ""),
    ):
        table.add_row(*row)
    return table


def _median(values: Array, digits: int = 3) -> str:
    finite = values[np.isfinite(values)]
    return f"{np.median(finite):.{digits}f}" if len(finite) else "none"


def _least(values: Array, digits: int = 6) -> str:
    finite = values[np.isfinite(values)]
    return f"{finite.min():.{digits}f}" if len(finite) else "none"


def _say(console: Console, text: str) -> None:
    """Print a paragraph; its first line's indentation holds for all lines."""
    body = text.lstrip(" \n")
    lead = text[: len(text) - len(body)]
    indent = lead.replace("\n", "")
    console.print(
        "\n" * lead.count("\n")
        + textwrap.fill(
            body, 78, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        ),
        soft_wrap=True,
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _heading(console: Console, number: str, title: str) -> None:
    console.print(f"\n[bold]{number}. {title}[/bold]")
