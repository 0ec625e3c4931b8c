"""Names that are imported on first use, while other threads fork."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from methexis import MethexisError, lazy

CHILD = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore")
import methexis as mx
begun = threading.Event()
def first():
    begun.set()
    mx.train  # takes a second or two, in which the other thread forks
thread = threading.Thread(target=first)
thread.start()
begun.wait()
time.sleep(0.05)
pid = os.fork()
if pid == 0:
    teacher = mx.Teacher([[1.0]])
    mx.train(mx.EDLN((1,)), teacher, mx.SGD(lr=0.01), steps=4, progress=None)
    os._exit(0)
end = time.monotonic() + 60
while time.monotonic() < end:
    found, status = os.waitpid(pid, os.WNOHANG)
    if found:
        sys.exit(os.waitstatus_to_exitcode(status))
    time.sleep(0.02)
os.kill(pid, 9)
sys.exit(9)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork, which this system lacks")
def test_a_fork_during_an_import_leaves_a_child_that_trains() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_where_waiting_did_not_help_the_child_is_told() -> None:
    importing = lazy._Importing()
    importing._held = False  # another thread has not let go
    importing.in_child()
    assert importing.broken
    assert importing.lock.acquire(blocking=False)
    load, _, public = lazy.attach("methexis", [], {"errors": ["MethexisError"]})
    assert public == ["MethexisError"]
    before, lazy._importing = lazy._importing, importing
    try:
        with pytest.raises(MethexisError, match="import before forking, or spawn"):
            load("MethexisError")
    finally:
        lazy._importing = before
    assert load("MethexisError") is MethexisError
