"""What reports of `break`, `sharpen` and `reverse` share: deviations, facts, the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from methexis.report.house.paragraphs import say
from methexis.report.house.terminal import Terminal

#: What is said of a quick run.
QUICK = (
    "Quick: one problem, few learning rates. What these leave of higher orders is allowed for, and "
    "deviations count beyond that."
)


def deviation(value: float, digits: int = 2) -> str:
    """Write a number of standard deviations, always with its sign; none of them is ``+0``.

    Examples
    --------
    >>> deviation(0.314), deviation(-2.56, 1), deviation(-1e-5)
    ('+0.31', '−2.6', '+0.00')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")


def provenance(summary: dict[str, Any], seeds: Iterable[tuple[str, int]]) -> list[tuple[str, str]]:
    """Rows of the table at the end of a page, from the job's summary and the first seed of each."""
    return [
        ("command", summary["command"]),
        ("first seeds", ", ".join(f"{name} {seed}" for name, seed in seeds)),
        ("version", summary["version"]),
        ("libraries", ", ".join(f"{k} {v}" for k, v in summary["libraries"].items())),
        ("machine", ", ".join(f"{k} {v}" for k, v in summary["machine"].items())),
    ]


def mark(passed: bool) -> str:
    """The lead of a check on the terminal, four columns wide."""
    return "  [green]✓[/green] " if passed else "  [red]✗[/red] "


def print_outcome(
    failed: Sequence[str],
    *,
    words: tuple[str, str],
    otherwise: str,
    seconds: float,
    out: Path,
) -> None:
    """Print the last lines: the verdict, what failed or ``otherwise``, the time, the page.

    Parameters
    ----------
    failed : sequence of str
        Names of what failed.
    words : tuple of two str
        The verdict if nothing failed, and if something did.
    otherwise : str
        What to say of a success.
    """
    console = Terminal()
    word = f"[bold red]{words[1]}[/bold red]" if failed else f"[bold green]{words[0]}[/bold green]"
    console.print()
    why = f"not {', '.join(failed)}" if failed else otherwise
    say(console, why, lead=f"{word}  ", indent=len(words[bool(failed)]) + 2)
    console.print(f"[dim]seconds: {seconds:.1f}[/dim]")
    console.print(f"report: {out / 'report.html'}", soft_wrap=True, markup=False)
