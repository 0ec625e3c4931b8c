"""What ``methexis verify`` prints on the terminal: the proof's four steps in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from methexis.scenarios import VerifyResult


def print_verify(result: VerifyResult, out: Path) -> None:
    """Print the result; colours only on a terminal."""
    console = Console(highlight=False, soft_wrap=False)
    settings, schedule = result.settings, result.schedule
    dims = [" → ".join(map(str, (*s.hidden,))) for s in result.students]
    console.print()
    console.print(
        f"Two students of one teacher (6 inputs, 5 labels; {settings.noise} noise as strong as the "
        f"signal), each with random frozen embeddings and its own view of condition number "
        f"{settings.condition:g}:"
    )
    for k, student in enumerate(result.students):
        console.print(f"  student {k}: depth {student.depth}, hidden widths {dims[k]}")
    _heading(console, "1", "What alignment means")
    num_layers = result.run.data.sizes["layer"]
    console.print(
        "  Two hidden layers are aligned when one is the other rotated and scaled. Measured by\n"
        "  the cosine of their Gram matrices: 1 is perfect. 'Worst pair' is the least over all\n"
        f"  pairs of the {num_layers} hidden layers, within and across students."
    )
    _heading(console, "2", "Most minima of the loss lack it")
    table = _table("law of random minima", "median worst pair", "best worst pair", "S/S_min, least")
    for found in result.minima:
        worst = found.pairs.min(axis=1)
        table.add_row(
            f"{found.distribution} ({len(worst)} draws)",
            f"{np.median(worst):.3f}",
            f"{worst.max():.3f}",
            f"{found.entropy_ratio.min():.3f}",
        )
    console.print(table)
    _heading(console, "3", "The entropic loss has one minimum, and it is Platonic")
    table = _table("student", "S_min = 4Dq", "S/S_min, start → end", "layer shares of S, × 1/4q")
    ratios = result.run.data["entropy_ratio_projected"]
    first = result.prediction.entropy_ratio[0]
    for k, solution in enumerate(result.solutions):
        shares = np.median(result.layer_entropy[k], axis=0) / solution.layer_entropy
        table.add_row(
            str(k),
            f"{solution.entropy:.4g}",
            f"{np.median(first[:, k]):.3f} → {float(ratios[-1, :, k].median()):.4f}",
            " ".join(f"{s:.3f}" for s in shares),
        )
    console.print(table)
    _heading(console, "4", "SGD goes there")
    why = (
        f"{schedule.folds:.1f} relaxation times of the slowest mode"
        if schedule.fitted
        else "as given"
    )
    console.print(
        f"  {schedule.steps:,} steps ({why}), batch {schedule.batch}, learning rate "
        f"{schedule.lr:.3g} annealed to {schedule.lr * schedule.final_factor:.2g}, "
        f"{settings.sampling} samples, {settings.loss} loss"
    )
    console.print(_outcome(result))
    lost = np.flatnonzero(~result.run.healthy)
    for i in lost:
        data = result.run.data
        step = max(int(data["diverged_step"][i]), int(data["collapsed_step"][i]))
        kind = "diverged" if int(data["diverged_step"][i]) >= 0 else "collapsed to zero"
        console.print(f"  replica {int(data['replica'][i])} {kind} by step {step:,}; left out")
    if result.epoch_turn is not None:
        console.print(
            f"  shuffled epochs: η λ_max N/B = {result.epoch_turn:.2g} at the start; the "
            "theory's limit needs it well below 1"
        )
    console.print()
    for check in result.verdict.checks:
        mark = "[green]✓[/green]" if check.passed else "[red]✗[/red]"
        console.print(f"  {mark} {check.name}: {check.measured} (expected {check.expected})")
    word = "[bold green]PASS[/bold green]" if result.verdict.passed else "[bold red]FAIL[/bold red]"
    console.print(f"\n{word}  {result.verdict.why}")
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.timings.items())
    console.print(f"[dim]{times}[/dim]")
    console.print(f"report: {out / 'report.html'}", soft_wrap=True)


def _outcome(result: VerifyResult) -> Table:
    table = _table("worst pair", "start", "end, median", "end, least", "predicted")
    start = result.run.worst_pair()[0]
    raw, projected = result.worst("raw"), result.worst("projected")
    predicted = f"{result.prediction.final_worst_pair:.6f}"
    table.add_row(
        "SGD", f"{np.nanmedian(start):.3f}", f"{np.median(raw):.6f}", f"{raw.min():.6f}", predicted
    )
    table.add_row(
        "SGD, projected onto the minima",
        "",
        f"{np.median(projected):.6f}",
        f"{projected.min():.6f}",
        predicted,
    )
    table.add_row("mean kernels", "", f"{result.mean_kernel.min():.6f}", "", predicted)
    table.add_row(
        "mean kernels, projected", "", f"{result.mean_kernel_projected.min():.6f}", "", predicted
    )
    theory = float(result.mean_kernel_to_theory.min())
    table.add_row("mean kernels to the universal kernel", "", f"{theory:.6f}", "", "")
    control = result.worst("control")
    begin = result.control.worst_pair()[0]
    table.add_row(
        "control: gradient flow, no noise",
        f"{np.median(begin):.3f}",
        f"{np.median(control):.3f}",
        f"{control.min():.3f}",
        "",
    )
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _heading(console: Console, number: str, title: str) -> None:
    console.print(f"\n[bold]{number}  {title}[/bold]")
