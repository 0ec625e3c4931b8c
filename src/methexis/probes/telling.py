"""How far a probe is: samples done, samples per second, time left."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

from methexis.errors import MethexisError
from methexis.progress import fitted, notebook


class Progress(Protocol):
    """Receives the number of samples done, and of all where it is known."""

    def __call__(self, done: int, total: int | None) -> None:
        """Show how far the work is."""


class Teller:
    """Shows progress now and then: one line on a terminal, else a line every ten seconds."""

    def __init__(self, show: Progress | None, stream: TextIO | None = None) -> None:
        self._show = show
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._began = time.monotonic()
        self._last = self._began if not self._live else 0.0
        self._first: int | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Tell it, unless the last time was too recent."""
        if self._show is not None:
            self._show(done, total)
            return
        now = time.monotonic()
        if self._first is None:
            self._first, self._began = done, now
        ended = total is not None and done >= total
        if now - self._last < (0.2 if self._live else 10.0) and not (ended and self._live):
            return
        self._last = now
        text = told(done - self._first, done, total, now - self._began)
        line = f"\r\x1b[2K{fitted(text, self._stream)}" if self._live else text
        self._stream.write(line + ("\n" if ended or not self._live else ""))
        self._stream.flush()


class Silent(Teller):
    """Progress that is shown to nobody."""

    def __init__(self) -> None:
        super().__init__(None)

    def __call__(self, done: int, total: int | None) -> None:
        """Do nothing with the numbers of samples."""


def told(since: int, done: int, total: int | None, seconds: float) -> str:
    """How far it is, in words.

    Examples
    --------
    >>> told(500, 1000, 2000, 10.0)
    'probe: 1,000 of 2,000 samples, 50 per second, 20 s left'
    """
    speed = since / seconds if seconds > 0 else 0.0
    of = "" if total is None else f" of {total:,}"
    left = ""
    if total is not None and speed > 0:
        left = f", {(total - done) / speed:.0f} s left"
    return f"probe: {done:,}{of} samples, {speed:.3g} per second{left}"


def teller(progress: Progress | str | bool | None) -> Teller:
    """Resolve the ``progress`` argument.

    Raises
    ------
    MethexisError
        If it is no word that is known, no truth value and no function.
    """
    if progress is None or progress is False:
        return Silent()
    if progress is True:
        return Teller(None)
    if progress == "auto":
        return Teller(None) if sys.stderr.isatty() or notebook() else Silent()
    if callable(progress):
        return Teller(progress)
    raise MethexisError(f"progress: expected 'auto', a bool or a function, got {progress!r}")
