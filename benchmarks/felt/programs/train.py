"""Training with defaults, beside its steps alone: prints seconds of both as JSON.

``python train.py CASE STEPS``. The steps alone are the difference of two warm calls of unequal
length with one record and nothing costly.
"""

import json
import sys
import time
from typing import Any

import methexis as mx
from benchmarks.engine.digits import digits_samples

#: Student, source, rate and networks, by name.
CASES: dict[str, Any] = {
    "d8": lambda: (mx.EDLN((8, 8, 8)), mx.Teacher.random(8, 8, seed=0), 1e-3, 256, "squared"),
    "d16": lambda: (mx.EDLN((16, 16)), mx.Teacher.random(16, 16, seed=0), 1e-3, 128, "squared"),
    "digits": lambda: (mx.MLP((64, 64)), digits_samples(), 1e-2, 64, "cross_entropy"),
}


def main(case: str, steps: int) -> None:
    """Print both times of one case."""
    student, source, lr, replicas, loss = CASES[case]()

    def seconds(length: int, **changes: Any) -> float:
        began = time.perf_counter()
        mx.train(
            student,
            source,
            mx.SGD(lr=lr),
            steps=length,
            replicas=replicas,
            loss=loss,
            progress=None,
            **changes,
        )
        return time.perf_counter() - began

    def once(length: int) -> float:
        return seconds(length, record=[length], measure=())

    once(64)
    alone = once(2 * steps) - once(steps)
    print(json.dumps({"default": seconds(steps), "steps alone": alone}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
