"""Progress on standard error, so that standard output holds results only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def announcer() -> Callable[[str], None]:
    """A function that writes what begins now: dimmed on a terminal, plain elsewhere."""
    live = sys.stderr.isatty()

    def say(sentence: str) -> None:
        sys.stderr.write(f"\x1b[2m… {sentence}\x1b[0m\n" if live else f"... {sentence}\n")
        sys.stderr.flush()

    return say


class LiveLine:
    """How far a job is: one updated line on a terminal, else a line every ten seconds."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._interval = 0.1 if self._live else 10.0
        self._last = -self._interval if self._live else time.monotonic()

    def __call__(self, text: str, *, ended: bool) -> None:
        """Show ``text`` unless the last one was too recent; once it has ended, wipe the line."""
        now = time.monotonic()
        if now - self._last < self._interval and not (ended and self._live):
            return
        self._last = now
        if self._live:
            sys.stderr.write("\r\x1b[2K" + ("" if ended else f"\x1b[2m… {text}\x1b[0m"))
        else:
            sys.stderr.write(f"... {text}\n")
        sys.stderr.flush()
