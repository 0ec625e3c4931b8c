"""Progress of a long run: a live line on a terminal, a bar in a notebook, plain lines elsewhere.

A notebook keeps whatever is written and knows no carriage return that could be relied on. There one
display is made and then updated, through what IPython has loaded already: nothing is imported.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol, TextIO

from methexis.errors import MethexisError

#: Most signs of a wrong value in a message.
_MOST_SHOWN = 57


@dataclass(frozen=True)
class Report:
    """One report: steps done of all, and the median over replicas of the worst pair so far.

    The worst pair is NaN where there is none, and is then not shown.
    """

    step: int
    steps: int
    worst_pair: float


class Progress(Protocol):
    """Receives reports: when the run starts, after every stretch of steps and once at the end.

    Stretches may be short; how often to show something is the receiver's choice.
    """

    def __call__(self, report: Report) -> None:
        """Show how far the work is, as ``report`` says."""
        ...


class Silent:
    """Progress that is shown to nobody."""

    def __call__(self, report: Report) -> None:
        """Do nothing with ``report``."""


def columns(stream: TextIO) -> int:
    """Columns of the terminal that a stream writes to; 80 where they are not known."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80


def fitted(text: str, stream: TextIO, taken: int = 0) -> str:
    """A line that is written over later: cut to the terminal, because what wraps is not wiped.

    Examples
    --------
    >>> import io
    >>> len(fitted("x" * 200, io.StringIO())), fitted("step 1", io.StringIO())
    (79, 'step 1')
    """
    room = max(columns(stream) - 1 - taken, 1)
    return text if len(text) <= room else text[: room - 1] + "…"


class Lines:
    """Writes steps/s, time left and the worst pair: one updated line on a terminal, else lines.

    Parameters
    ----------
    stream : text stream
        Standard error by default, so that standard output stays clean.
    label : str
        Printed first.
    interval : float, optional
        Least seconds between reports; 0.2 on a terminal, 5 elsewhere.
    """

    def __init__(
        self, stream: TextIO | None = None, label: str = "", interval: float | None = None
    ) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.label = f"{label}: " if label else ""
        self.live = self.stream.isatty()
        self.interval = (0.2 if self.live else 5.0) if interval is None else interval
        self._start = self._last = time.monotonic()
        self._first: int | None = None

    def __call__(self, report: Report) -> None:
        """Show ``report`` unless the last one was too recent."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._start = report.step, now
        done = report.step >= report.steps
        if not done and now - self._last < self.interval:
            return
        self._last = now
        speed = (report.step - self._first) / max(now - self._start, 1e-9)
        left = (report.steps - report.step) / speed if speed > 0 else float("inf")
        eta = f"{left:.0f} s left" if left < 1e6 else "time left unknown"
        lost = math.isnan(report.worst_pair)
        pair = "" if lost else f"  worst pair {report.worst_pair:.5f}"
        text = f"step {report.step:,} of {report.steps:,}  {speed:,.0f} steps/s  {eta}{pair}"
        if self.live and not done and len(self.label + text) > columns(self.stream) - 1:
            share = report.step / report.steps
            text = f"{share:.0%} of {report.steps:,} steps  {eta}{pair}"
        self._show(self.label + text, report, done=done)

    def _show(self, text: str, report: Report, *, done: bool) -> None:
        """Write the line, over the last one on a terminal."""
        if self.live:
            self.stream.write(f"\r\x1b[2K{text if done else fitted(text, self.stream)}")
            self.stream.write("\n" if done else "")
        else:
            self.stream.write(text + "\n")
        self.stream.flush()


class Bar(Lines):
    """Shows progress as a bar in a notebook: one display, updated until the run has ended.

    Parameters
    ----------
    display : callable
        IPython's ``display``, which returns a handle.
    label : str
        Shown first.
    interval : float
        Least seconds between reports.
    """

    def __init__(self, display: Callable[..., Any], label: str = "", interval: float = 0.5) -> None:
        super().__init__(label=label, interval=interval)
        self._display = display
        self._handle: Any = None

    def _show(self, text: str, report: Report, *, done: bool) -> None:
        """Make the display, or put the text in the place of what it shows."""
        shown = _Shown(text, report)
        if self._handle is None:
            self._handle = self._display(shown, display_id=True)
        else:
            self._handle.update(shown)


@dataclass(frozen=True)
class _Shown:
    """A report as a notebook takes it: a bar, or plain text where it has no pages."""

    text: str
    report: Report

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        step, steps = self.report.step, self.report.steps
        bar = f'<progress value="{step}" max="{steps}" style="width:12em"></progress>'
        return f'<div style="color:inherit">{bar} {escape(self.text)}</div>'


def notebook() -> Callable[..., Any] | None:
    """IPython's ``display`` where this process is the kernel of a notebook, else None."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):
        return None
    display: Callable[..., Any] | None = getattr(
        sys.modules.get("IPython.display"), "display", None
    )
    return display


def lines(label: str = "") -> Lines:
    """Progress for where it is seen: a bar in a notebook, else lines on standard error."""
    display = notebook()
    return Lines(label=label) if display is None else Bar(display, label)


def choose(progress: Progress | str | bool | None) -> Progress:
    """Resolve the ``progress`` argument of `train`.

    ``"auto"`` shows progress on a terminal and in a notebook; True always; False or None never.

    Raises
    ------
    MethexisError
        On anything else that is not callable.
    """
    if progress is None or progress is False:
        return Silent()
    if progress is True:
        return lines()
    if isinstance(progress, str) and progress == "auto":
        return lines() if sys.stderr.isatty() or notebook() else Silent()
    if callable(progress) and not isinstance(progress, type):  # a class makes, and shows nothing
        return progress
    got = " ".join(repr(progress).split())
    got = got if len(got) <= _MOST_SHOWN else f"{got[:_MOST_SHOWN]}..."
    raise MethexisError(f"progress: expected 'auto', a bool or a function, got {got}")
