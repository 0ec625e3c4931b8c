"""One sweep: the same problem trained at several learning rates (`scenarios.framework`)."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import methexis as mx
from methexis.core.checks import Array
from methexis.core.problem import Problem
from methexis.scenarios.framework.ensembles import Ensemble, Start
from methexis.scenarios.framework.simulation import plan_of, survivors, train

Steps = NDArray[np.int64]
Source = mx.Teacher | mx.Samples


class _Lines:
    """A line of progress every 15 seconds, on a terminal and in a log."""

    def __init__(self, label: str) -> None:
        self.label, self.began = label, time.monotonic()
        self.last = self.began

    def __call__(self, report: Any) -> None:
        now = time.monotonic()
        if now - self.last >= 15.0:
            self.last = now
            speed = report.step / (now - self.began)
            left = (report.steps - report.step) / speed
            print(
                f"  {self.label}: step {report.step:,} of {report.steps:,}, "
                f"{speed:,.0f} steps/s, {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )


@dataclass(frozen=True)
class RunRecord:
    """What one run was, for the JSON file."""

    problem: str
    lr: float
    steps: int
    slow_time: float
    burn_in: float
    snapshots: int
    replicas: int
    lost: int
    seed: int
    wall_seconds: float


@dataclass(frozen=True, eq=False)
class Sweep:
    """A problem and how to run it.

    Attributes
    ----------
    problem : str
        Name for tables.
    source, students, sampling, loss
        As in `mx.train`; paired samples.
    start : Initialiser or weights per student
    lrs : tuple of float
        Learning rates, descending.
    slow_time, burn_in : float
        Slow time of each run, and the part of it before the first snapshot.
    replicas : tuple of int
        Per learning rate.
    snapshots : int
        Evenly spaced after the burn-in.
    seed : int
        The run at ``lrs[k]`` has seed ``seed + k``.
    """

    problem: str
    source: Source
    students: tuple[mx.EDLN, ...]
    sampling: str
    start: Start
    lrs: tuple[float, ...]
    replicas: tuple[int, ...]
    slow_time: float
    burn_in: float
    snapshots: int
    seed: int
    loss: str = "squared"
    #: Per student the problem onto whose minima snapshots are projected, if not the student's own.
    minima: tuple[Problem, ...] | None = None
    batch: int = 1

    @property
    def problems(self) -> list[Problem]:
        """The folded problem of each student."""
        return [Problem.of(self.source, s, self.loss) for s in self.students]

    def reduced(self, num_lrs: int, replicas: int) -> Sweep:
        """The ``num_lrs`` largest learning rates with fewer replicas and other seeds."""
        return replace(
            self,
            lrs=self.lrs[:num_lrs],
            replicas=(replicas,) * num_lrs,
            seed=self.seed + 1000,
        )

    def ensemble(self, number: int, slow_times: Array) -> Ensemble:
        """The run at ``lrs[number]``, looked at at given slow times."""
        return Ensemble(
            source=self.source,
            students=self.students,
            start=self.start,
            lr=self.lrs[number],
            slow_times=tuple(slow_times.tolist()),
            sampling=self.sampling,
            loss=self.loss,
            minima=self.minima,
            batch=self.batch,
        )


def snapshots_of(
    sweep: Sweep, number: int, slow_times: Array
) -> tuple[list[Array], Steps, RunRecord]:
    """Train at ``sweep.lrs[number]`` and return projected kernels at given slow times.

    Returns
    -------
    kernels : list (layer) of arrays (snapshot, replica, n, n)
        Of all students' hidden layers, whitened, of unit trace; lost replicas are left out.
    steps : array (snapshot,)
    record : RunRecord
    """
    lr = sweep.lrs[number]
    began = time.monotonic()
    outcome = train(
        sweep.ensemble(number, slow_times),
        sweep.replicas[number],
        sweep.seed + number,
        _Lines(f"{sweep.problem}, lr {lr:g}"),
    )
    record = RunRecord(
        problem=sweep.problem,
        lr=lr,
        steps=int(outcome.steps[-1]),
        slow_time=sweep.slow_time,
        burn_in=sweep.burn_in,
        snapshots=len(outcome.steps),
        replicas=sweep.replicas[number],
        lost=outcome.lost,
        seed=sweep.seed + number,
        wall_seconds=round(time.monotonic() - began, 1),
    )
    layers = [outcome.kernels[:, :, i] for i in range(outcome.kernels.shape[2])]
    return layers, outcome.steps, record


def trained(
    sweep: Sweep, number: int, slow_times: Array
) -> tuple[list[list[Array]], Steps, RunRecord]:
    """Train at ``sweep.lrs[number]`` and return the weights at given slow times, as they are.

    Returns
    -------
    weights : list (student) of lists of arrays (snapshot, replica, d_i, d_{i-1})
        Lost replicas are left out.
    steps : array (snapshot,)
    record : RunRecord
    """
    lr, began = sweep.lrs[number], time.monotonic()
    ensemble = sweep.ensemble(number, slow_times)
    plan = plan_of(ensemble, sweep.replicas[number], sweep.seed + number)
    weights, lost = survivors(plan, "ensemble", f"learning rate {lr:g}")
    seconds = time.monotonic() - began
    steps = ensemble.steps
    print(f"  {sweep.problem}: lr {lr:g}, {steps[-1]:,} steps, {seconds:.0f} s", flush=True)
    record = RunRecord(
        problem=sweep.problem,
        lr=lr,
        steps=int(steps[-1]),
        slow_time=float(slow_times[-1]),
        burn_in=float(slow_times[0]),
        snapshots=len(slow_times),
        replicas=sweep.replicas[number],
        lost=lost,
        seed=sweep.seed + number,
        wall_seconds=round(seconds, 1),
    )
    return weights, steps, record


def late_kernels(sweep: Sweep, number: int) -> tuple[Array, RunRecord]:
    """Kernels after the burn-in, averaged over time: ``(replica, layer, n, n)``."""
    times = np.linspace(sweep.burn_in, sweep.slow_time, sweep.snapshots)
    kernels, _, record = snapshots_of(sweep, number, times)
    return np.stack([k.mean(axis=0) for k in kernels], axis=1), record
