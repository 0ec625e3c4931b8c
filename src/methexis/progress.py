"""Progress of a long run: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Protocol, TextIO

from methexis.errors import MethexisError


@dataclass(frozen=True)
class Report:
    """One report: steps done of all, and the median over replicas of the worst pair so far."""

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
        text = (
            f"{self.label}step {report.step:,} of {report.steps:,}  {speed:,.0f} steps/s  "
            f"{eta}  worst pair {report.worst_pair:.5f}"
        )
        if self.live:
            self.stream.write(f"\r\x1b[2K{text}" + ("\n" if done else ""))
        else:
            self.stream.write(text + "\n")
        self.stream.flush()


def choose(progress: Progress | str | bool | None) -> Progress:
    """Resolve the ``progress`` argument of `train`.

    ``"auto"`` shows progress on a terminal only; True always; False or None never.

    Raises
    ------
    MethexisError
        On anything else that is not callable.
    """
    if progress is None or progress is False:
        return Silent()
    if progress is True:
        return Lines()
    if progress == "auto":
        return Lines() if sys.stderr.isatty() else Silent()
    if callable(progress):
        return progress
    raise MethexisError(f"progress: expected 'auto', a bool or a function, got {progress!r}")
