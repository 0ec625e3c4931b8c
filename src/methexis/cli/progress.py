"""Progress on standard error, so that standard output holds results only."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from methexis.progress import fitted


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
            line = f"\x1b[2m… {fitted(text, sys.stderr, taken=2)}\x1b[0m"
            sys.stderr.write("\r\x1b[2K" + ("" if ended else line))
        else:
            sys.stderr.write(f"... {text}\n")
        sys.stderr.flush()

    def wipe(self) -> None:
        """Leave nothing on a terminal's line."""
        if self._live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


class Clock:
    """Shows how long a job has run, and may take, that cannot itself say how far it is.

    Within ``with``, the line that was last given is shown anew, with the time, as often as a live
    line is; one that says how far the job is, `LiveLine` itself shows.
    """

    def __init__(self, line: LiveLine) -> None:
        self._line = line
        self._text, self._began = "", time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self, text: str) -> None:
        """Begin something of which only the time is known."""
        self._began, self._text = time.monotonic(), text

    def end(self) -> None:
        """Stop showing the time alone: from here on the job itself says how far it is."""
        self._text = ""

    def __enter__(self) -> Clock:
        """Start the thread that shows how long the work has taken."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and wipe the line."""
        del kind, error, trace
        self._over.set()
        self._thread.join()
        self._line.wipe()

    def _run(self) -> None:
        while not self._over.wait(1.0):
            text = self._text
            if text:
                passed = int(time.monotonic() - self._began)
                shown = f"{passed // 3600}:{passed // 60 % 60:02}:{passed % 60:02}"
                self._line(f"{text}, {shown} so far", ended=False)
