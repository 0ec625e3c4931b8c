"""Shares of a verb's time: what a stack counts for, and that all of the time is told."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from benchmarks.shares import REST, Watch, part, save, section


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


def test_what_is_kept_is_told_beside_what_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each state keeps its verbs; one that is measured anew takes the place of the old number."""
    monkeypatch.setattr("benchmarks.shares.RESULT", tmp_path / "shares.json")
    save("before", {"verify": {"steps": 1.0, "measuring": 3.0, "total": 4.0}}, "abc")
    save("after", {"verify": {"steps": 9.0, "total": 9.0}}, "def")
    save("after", {"verify": {"steps": 1.0, "measuring": 0.6, "total": 2.0}}, "def")
    text = section(json.loads((tmp_path / "shares.json").read_text()))
    assert "| `verify` | before | 4.0 s | 25% | 75% |" in text
    assert "| `verify` | after | 2.0 s | 50% | 30% |" in text
    assert text.count("`verify`") == 2
    assert text.index("before:") < text.index("abc") < text.index("after:") < text.index("def")
