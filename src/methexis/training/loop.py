"""The loop of every run: an engine is called for a stretch of steps at a time.

An engine could take all steps in one call. It is asked for about 0.15 s of them instead, because a
state is whole only between two calls: there a caller shows progress, writes a checkpoint, looks at
the weights while they move, or stops early. How a run is cut into calls never changes its bits,
because every random number is a function of its step and engines look for lost networks at
multiples of `CHECK_INTERVAL` steps of the run, wherever a call ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from methexis.training.engines.choice import Engine
from methexis.training.engines.state import State
from methexis.training.interrupt import Interrupt

#: Seconds that one call of an engine should take: Ctrl-C and progress wait for its end.
STRETCH_SECONDS = 0.15


def stretches(
    engine: Engine, state: State, stops: Iterable[int], interrupt: Interrupt
) -> Iterator[int | None]:
    """Advance a state in place from stop to stop, and yield before every stretch and at every stop.

    Parameters
    ----------
    engine : Engine
        What takes the steps.
    state : State
        Where to begin; it may come from a checkpoint.
    stops : iterable of int
        Steps at which something happens, increasing, none of them behind the state.
    interrupt : Interrupt
        What `deferred_interrupt` gives, around the loop. After Ctrl-C there is no further stretch,
        so that the caller may save what it has; `KeyboardInterrupt` comes when it leaves the
        context.

    Yields
    ------
    int or None
        Position in ``stops`` of the one that the state has come to; None before a stretch, which is
        the moment to look at the state, to save it, or to leave the loop. Another loop may go on
        with the same state.
    """
    length = engine.stretch
    for position, stop in enumerate(stops):
        while state.step < stop:
            yield None
            if interrupt.pressed:
                return
            first, began = state.step, time.monotonic()
            engine.advance(state, stop if length is None else min(stop, first + length))
            if length is not None:
                length = paced(length, state.step - first, time.monotonic() - began)
        yield position


def paced(length: int, num_steps: int, seconds: float) -> int:
    """Steps of the next call of an engine, after one of ``num_steps`` took ``seconds``.

    At most four times as many as were allowed last: short calls say little about long ones.

    Examples
    --------
    >>> paced(length=64, num_steps=64, seconds=STRETCH_SECONDS / 2)
    128
    """
    wanted = num_steps * STRETCH_SECONDS / max(seconds, 1e-9)
    return int(max(1, min(wanted, 4 * length)))
