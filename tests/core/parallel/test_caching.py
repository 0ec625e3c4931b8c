"""Properties that are kept: computed once, and no lock is left to a forked child."""

from __future__ import annotations

import ast
import os
import threading
from pathlib import Path

import pytest

import methexis
from methexis.core.parallel.caching import cached_property

SOURCES = Path(methexis.__file__).parent


class Slow:
    """Something whose value takes as long as a test wants."""

    def __init__(self) -> None:
        self.begun, self.end, self.count = threading.Event(), threading.Event(), 0

    @cached_property
    def value(self) -> int:
        """How often it was computed."""
        self.begun.set()
        assert self.end.wait(60)
        self.count += 1
        return self.count


def test_a_value_is_computed_once() -> None:
    one, other = Slow(), Slow()
    one.end.set()
    other.end.set()
    assert (one.value, one.value, other.value) == (1, 1, 1)
    assert one.__dict__["value"] == 1
    assert Slow.value.__doc__ == "How often it was computed."


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork, which this system lacks")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_does_not_wait_for_a_thread_that_it_does_not_have() -> None:
    busy = Slow()
    thread = threading.Thread(target=lambda: busy.value)
    thread.start()
    assert busy.begun.wait(60)
    if (pid := os.fork()) == 0:
        fresh = Slow()
        fresh.end.set()
        watch = threading.Timer(30, os._exit, (2,))
        watch.start()
        os._exit(0 if fresh.value == 1 else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    busy.end.set()
    thread.join()
    assert status == 0


def test_nothing_else_is_used() -> None:
    """Neither the property with a lock nor another of that kind."""
    for path in SOURCES.rglob("*.py"):
        if path.name == "caching.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "functools":
                assert "cached_property" not in {alias.name for alias in node.names}, path
            if isinstance(node, ast.Attribute):
                assert node.attr != "cached_property", path
