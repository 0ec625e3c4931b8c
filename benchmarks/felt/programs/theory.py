"""What theory says of networks of ordinary sizes: prints seconds of each call as JSON.

``python theory.py WIDE MIDDLE SMALL``: relaxation, flow and prediction take the widest student.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import methexis as mx


def case(width: int) -> tuple[mx.Teacher, mx.EDLN, list[Any]]:
    """A teacher of full rank with uneven noise, a student as wide, and weights near its minima."""
    generator = np.random.default_rng(0)
    weight = np.eye(width) + 0.3 * generator.normal(size=(width, width)) / np.sqrt(width)
    teacher = mx.Teacher(weight, cov_noise=np.diag(np.geomspace(0.5, 2.0, width)))
    student = mx.EDLN((width, width))
    start = [
        w + 0.1 * generator.normal(size=w.shape) / np.sqrt(width)
        for w in mx.theory.balanced_minimum(teacher, student)
    ]
    return teacher, student, start


def seconds(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main(*widths: int) -> None:
    """Print all times of students of three widths."""
    wide, middle, small = map(case, widths)
    run = mx.train(
        wide[1],
        mx.Teacher(wide[0].weight),  # even noise, as by default
        mx.SGD(lr=1e-3),
        steps=2_000,
        init=[wide[2]],
        replicas=2,
        record=range(0, 2_001, 500),
        measure=(),
        progress=None,
    )
    calls: dict[str, Callable[[], object]] = {
        "relaxation": lambda: mx.theory.relaxation(wide[0], wide[1], lr=0.01),
        "flow": lambda: mx.theory.entropic_flow(*wide, lr=0.01, steps=100),
        "drift": lambda: mx.theory.slow_drift(*middle, lr=0.01, steps=100),
        "end of a drift": lambda: mx.theory.drift_fixed_point(small[0], small[1]),
        "prediction of a run": lambda: run.predict(progress=None),
    }
    print(json.dumps({name: seconds(call) for name, call in calls.items()}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
