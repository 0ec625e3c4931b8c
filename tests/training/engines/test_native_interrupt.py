"""Ctrl-C in a long native run with slow steps: it ends soon, and goes on where it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from tests.native.extension import extension

# A background job's children start with Ctrl-C ignored; a person's command does not.
PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import methexis as mx
teacher = mx.Teacher.random(dim_x=192, dim_y=4, seed=0)
mx.train(mx.MLP((192, 192, 192)), teacher, mx.SGD(lr=1e-3), steps=10**6, batch=512, replicas=8,
    engine="native", checkpoint=sys.argv[1], record=[0],
    progress=lambda report: print(report.step, flush=True))
"""


def interrupted(checkpoint: Path) -> tuple[int, int, float]:
    """First and last step that a run reports, and the seconds from Ctrl-C to its end."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(checkpoint)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        # Into its stride: calls grow from one step to 0.15 s.
        steps = [int(process.stdout.readline()) for _ in range(5)]
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        steps += map(int, process.stdout.read().split())
        errors = process.stderr.read()
        process.wait(timeout=60)
        seconds = time.monotonic() - began
    assert "KeyboardInterrupt" in errors
    return steps[0], steps[-1], seconds


@pytest.mark.slow
def test_ctrl_c_ends_a_run_soon(tmp_path: Path) -> None:
    extension()
    checkpoint = tmp_path / "run.npz"
    step, seconds = 0, []
    # Three runs; where two are soon over, so is the median of three, whatever the third does.
    while len(seconds) < 3 and sum(took < 2.0 for took in seconds) < 2:
        first, last, took = interrupted(checkpoint)
        assert first == step
        assert last > first
        step = last
        seconds.append(took)
    # The rest of a call, 0.15 s, the checkpoint and the end of the interpreter: a third of a second
    # in all. The median and a wide bound, because a machine may be busy with something else.
    assert median(seconds) < 2.0
