"""Shares of a verb's time: what a stack counts for, and that all of the time is told."""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType
from typing import Any

import pytest

from benchmarks.shares import REST, Watch, part


def stack(*files: str) -> FrameType:
    """A stack of functions in these files, the outermost first."""
    frames: list[FrameType] = []
    call: Any = lambda: frames.append(sys._getframe())  # noqa: E731
    for file in reversed(files):
        scope: dict[str, Any] = {"call": call}
        exec(compile("def f():\n    call()\n", file, "exec"), scope)
        call = scope["f"]
    call()
    return frames[0]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("/x/methexis/training/train.py", "/x/methexis/training/engines/native.py"), "steps"),
        (("/x/methexis/training/records/recording.py", "/x/methexis/theory/flow.py"), "measuring"),
        (("/x/methexis/scenarios/verify/job.py", "/x/methexis/theory/flow.py"), "prediction"),
        (("/x/methexis/report/page.py", "/x/methexis/theory/flow.py"), "report"),
        (("/x/methexis/scenarios/verify/job.py",), REST),
    ],
)
def test_a_stack_counts_for_the_outermost_part(files: tuple[str, ...], expected: str) -> None:
    assert part(stack(*files)) == expected


def test_all_of_the_time_is_told() -> None:
    scope: dict[str, Any] = {"time": time}
    exec(compile("def work():\n    time.sleep(0.3)\n", "/x/methexis/theory/flow.py", "exec"), scope)
    with Watch(threading.get_ident()) as watch:
        scope["work"]()
        time.sleep(0.1)
    assert watch.seconds["prediction"] > 0.25
    assert 0.35 < sum(watch.seconds.values()) < 1.0
