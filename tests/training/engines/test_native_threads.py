"""Threads of the native engine when the system is out of them, and calls that overlap."""

from __future__ import annotations

import subprocess
import sys
import threading

from methexis.training.engines.native import NativeEngine
from tests.native.extension import ROOT, extension
from tests.training.native_plans import arrays, native_state, plan

WITHOUT_THREADS = """
import resource
from tests.training.native_plans import arrays, native_state, plan
expected = arrays(native_state(plan(replicas=512, threads=1)))
own = 1024 * int(next(line for line in open("/proc/self/status") if "VmSize" in line).split()[1])
resource.setrlimit(resource.RLIMIT_AS, (own + 2**26, resource.RLIM_INFINITY))
found = arrays(native_state(plan(replicas=512, threads=64)))  # stacks of 8 MiB; 64 MiB hold few
assert all((a == b).all() for a, b in zip(expected, found, strict=True))
"""


def test_a_system_out_of_threads() -> None:
    """The threads that there are do the work of all."""
    extension()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THREADS],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


def test_calls_of_one_engine_wait_for_each_other() -> None:
    extension()
    run = plan(steps=30_000, replicas=16, threads=1)
    engine = NativeEngine(run)
    states = [engine.start(), engine.start()]
    calls = [threading.Thread(target=engine.advance, args=(s, run.steps)) for s in states]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    expected = arrays(native_state(run))
    for state in states:
        assert all((a == b).all() for a, b in zip(arrays(state), expected, strict=True))
