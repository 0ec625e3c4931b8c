"""Ctrl-C at the moments where the state of a run is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether Ctrl-C was pressed; made by `deferred_interrupt`."""

    def __init__(self) -> None:
        self.pressed = False
        self.wait = True

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let Ctrl-C raise `KeyboardInterrupt` inside, wherever it comes.

        Raises
        ------
        KeyboardInterrupt
            Also if it came before.
        """
        self.wait = False
        try:
            if self.pressed:
                raise KeyboardInterrupt
            yield
        finally:
            self.wait = True


@contextmanager
def deferred_interrupt() -> Iterator[Interrupt]:
    """Let Ctrl-C wait for the end of a stretch, where the state is whole; the second one does not.

    Outside the main thread, where signals cannot be handled, and where Ctrl-C is ignored or handled
    outside Python, this does nothing.

    Raises
    ------
    KeyboardInterrupt
        If it came after the last look.
    """
    interrupt = Interrupt()
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or previous in (
        None,
        signal.SIG_IGN,
    ):
        yield interrupt
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if interrupt.wait and not interrupt.pressed:
            interrupt.pressed = True
        elif callable(previous):
            previous(number, frame)
        else:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupt.pressed:
        raise KeyboardInterrupt
