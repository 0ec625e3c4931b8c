"""The scored table of planted truth and its picture: which measure sees which cause.

``make bench-measures BENCH='--only truth'`` prints the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from benchmarks.measures.truth import CauseScore, MeasureScore, Truth
from benchmarks.terminal import wide_console
from methexis.plots import style
from methexis.report.house.paragraphs import say

#: What the columns of one measure say; the page of the documentation has the same.
LEGEND = (
    "Under each cause: the loss of true alignment at which one draw of samples is told from a pair "
    "without that cause, at two standard deviations; a dash if it never is, within the dial. Less "
    "is better. Controls (nothing, offset): by how many standard deviations scores move where the "
    "truth does not; more than about 2 is an error. n=...: mean score of a pair that shares "
    "nothing, by the number of samples: the chance level."
)
#: Columns where there is no terminal to ask.
_WIDTH = 150
#: Worst misalignment on the colour scale, and what stands for "never".
_LEAST, _MOST = 1e-3, 1.0
#: Below it a cell is so dark that its number is white.
_DARK = 0.03


def print_truth(result: Truth, out: Path | None = None) -> None:
    """Print the result."""
    console = wide_console(_WIDTH)
    console.print()
    console.print(
        f"[bold]Planted truth[/bold]: {result.num_problems} problems, {result.num_draws} draws of "
        f"{result.num_samples} samples{'; quick: a look, not a result' if result.quick else ''}"
    )
    head, rows = truth_table(result)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for i, column in enumerate(head):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=i > 0)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print()
    say(console, LEGEND, style="dim")
    if out is not None:
        console.print(f"result: {out}", soft_wrap=True)


def truth_table(result: Truth) -> tuple[list[str], list[list[str]]]:
    """Column heads and one row per measure."""
    first = result.measures[0]
    causes = [c.cause for c in first.causes if not _is_control(result, c.cause)]
    controls = [c.cause for c in first.causes if _is_control(result, c.cause)]
    head = ["measure", *causes, *controls, *(f"n={s.num_samples}" for s in first.sizes)]
    return head, [
        [
            one.title,
            *(_seen(_cause(one, name).seen_at) for name in causes),
            *(f"{_cause(one, name).moved:+.1f}".replace("-", "−") for name in controls),
            *(_number(s.unrelated) for s in one.sizes),
        ]
        for one in result.measures
    ]


def truth_figure(result: Truth) -> Figure:
    """Measures by causes, coloured by how soon a cause is seen; dark is soon, empty never."""
    causes = [c.cause for c in result.measures[0].causes if not _is_control(result, c.cause)]
    values = np.array([[_cause(one, c).seen_at for c in causes] for one in result.measures])
    with style.house_style():
        figure, axes = style.new_figure(style.WIDE, 110 + 25 * len(values))
        image = axes.imshow(
            np.log10(np.clip(values, _LEAST, _MOST)),
            cmap="Blues_r",
            vmin=np.log10(_LEAST),
            vmax=np.log10(_MOST),
            aspect="auto",
        )
        axes.grid(visible=False)
        axes.set_xticks(range(len(causes)), causes)
        axes.set_yticks(range(len(values)), [one.title for one in result.measures])
        for (i, j), value in np.ndenumerate(values):
            dark = np.isfinite(value) and value < _DARK
            axes.text(
                j, i, _seen(value), ha="center", va="center", color="white" if dark else style.INK
            )
        scale = figure.colorbar(image, ax=axes, aspect=50, pad=0.02)
        scale.set_ticks([-3, -2, -1, 0], labels=["0.001", "0.01", "0.1", "1"])
        scale.set_label("loss of true alignment seen in one draw")
    return figure


def _is_control(result: Truth, cause: str) -> bool:
    truth = _cause(result.measures[0], cause).truth
    return max(truth) - min(truth) < 1e-9


def _cause(one: MeasureScore, name: str) -> CauseScore:
    return next(c for c in one.causes if c.cause == name)


def _seen(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:.2g}"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−") if abs(value) < 100 else f"{value:.3g}"


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """The table in Markdown."""
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
