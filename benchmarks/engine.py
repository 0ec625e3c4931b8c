"""Speed of the reference engine, and where its time goes.

``python -m benchmarks.engine`` prints, for a few shapes, the median over repetitions of the time of
one network-step (one SGD step of one student of one replica, random numbers included), and the
share that drawing samples has in it. Shapes are interleaved, so that a busy machine slows all of
them alike. One BLAS thread: the matrices are too small for more.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

import methexis as mx
from methexis.training.batches import batches
from methexis.training.plan import Plan, make_plan
from methexis.training.reference import ReferenceEngine

REPETITIONS = 5
#: Seconds that one repetition of one shape should last.
SECONDS = 0.5


@dataclass(frozen=True)
class Shape:
    """Depth, width, batch size and replicas of one benchmark."""

    depth: int
    width: int
    batch: int
    replicas: int

    def plan(self) -> Plan:
        """A run of one student of that shape, online."""
        teacher = mx.Teacher.random(dim_x=self.width, dim_y=self.width, seed=0)
        student = mx.EDLN.random(teacher, hidden=(self.width,) * (self.depth - 1), seed=1)
        return make_plan(
            [student],
            teacher,
            mx.SGD(lr=1e-4),
            steps=2**40,
            batch=self.batch,
            sampling="online",
            paired=True,
            loss="squared",
            init=mx.init.gaussian(0.5),
            replicas=self.replicas,
            seed=0,
            dtype="float64",
            record=[0],
            engine="reference",
        )


SHAPES = (
    Shape(4, 8, 1, 1),
    Shape(4, 8, 1, 16),
    Shape(4, 8, 1, 256),
    Shape(4, 8, 8, 16),
    Shape(3, 16, 1, 256),
    Shape(4, 32, 32, 16),
)


class Timer:
    """Times steps of one shape, and the drawing of their samples by itself."""

    def __init__(self, shape: Shape) -> None:
        self.plan = shape.plan()
        self.engine = ReferenceEngine(self.plan)
        self.state = self.engine.start()
        self.draw = batches(self.plan)
        self.num_steps = 64
        while self.steps() * self.num_steps < SECONDS / 2:
            self.num_steps *= 2

    def steps(self) -> float:
        """Seconds per step."""
        began = time.perf_counter()
        self.engine.advance(self.state, self.state.step + self.num_steps)
        return (time.perf_counter() - began) / self.num_steps

    def drawing(self) -> float:
        """Seconds per step for its samples alone."""
        began = time.perf_counter()
        for first in range(0, self.num_steps, 64):
            self.draw(first, 64)
        return (time.perf_counter() - began) / self.num_steps


def main() -> None:
    """Time all shapes and print the table."""
    with threadpool_limits(limits=1, user_api="blas"):
        timers = [(shape, Timer(shape)) for shape in SHAPES]
        rounds = [[(t.steps(), t.drawing()) for _, t in timers] for _ in range(REPETITIONS)]
    console = Console(highlight=False)
    console.print(
        f"reference engine, float64, online; median of {REPETITIONS} interleaved rounds\n"
        f"{platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}, "
        f"NumPy {np.__version__}, Methexis {mx.__version__}"
    )
    table = Table(box=None)
    for column in (
        "depth",
        "width",
        "batch",
        "replicas",
        "steps/s",
        "µs per network-step",
        "draws",
    ):
        table.add_column(column, justify="right")
    for i, (shape, _) in enumerate(timers):
        step = statistics.median(r[i][0] for r in rounds)
        draw = statistics.median(r[i][1] for r in rounds)
        table.add_row(
            *map(str, (shape.depth, shape.width, shape.batch, shape.replicas)),
            f"{1 / step:,.0f}",
            f"{1e6 * step / shape.replicas:.2f}",
            f"{draw / step:.0%}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
