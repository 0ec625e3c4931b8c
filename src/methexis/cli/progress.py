"""Progress on standard error, so that standard output holds results only."""

from __future__ import annotations

import sys
from collections.abc import Callable


def announcer() -> Callable[[str], None]:
    """A function that writes what begins now: dimmed on a terminal, plain elsewhere."""
    live = sys.stderr.isatty()

    def say(sentence: str) -> None:
        sys.stderr.write(f"\x1b[2m… {sentence}\x1b[0m\n" if live else f"... {sentence}\n")
        sys.stderr.flush()

    return say
