"""One sweep: the same problem trained at several learning rates, reduced to mean kernels.

Kernels are those of `training.recording.mean_kernels`: of the whitened joint input, scaled to unit
trace. Before that the weights are projected onto the minima (`theory.projection`): that takes off
the fluctuation of order ``sqrt(η)`` and changes the mean kernel's limit by nothing. Every run at
every learning rate has the same slow time ``τ = η² t / B``, so what is left of a transient enters
each of them equally, up to its own correction of order ``η``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import methexis as mx
from evidence.fits import Array
from methexis.core.linalg import sqrt_psd
from methexis.core.problem import Problem
from methexis.core.products import hidden_maps
from methexis.init import Initialiser
from methexis.theory.projection import project_of

Steps = NDArray[np.int64]
Source = mx.Teacher | mx.Samples
#: Charges kept by the projection of a snapshot; as in `training.recording`.
CHARGE_RTOL = 1e-5


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
        As in `mx.train`; batch size 1, paired samples.
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
    start: Initialiser | Sequence[Sequence[Array]]
    lrs: tuple[float, ...]
    replicas: tuple[int, ...]
    slow_time: float
    burn_in: float
    snapshots: int
    seed: int
    loss: str = "squared"

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

    def steps_at(self, slow_times: Array, lr: float) -> Steps:
        """Steps nearest to slow times; at the end of an epoch where there are epochs."""
        unit = self.source.num_samples if self.sampling == "shuffle" else 1  # type: ignore[union-attr]
        return np.maximum(np.rint(slow_times / lr**2 / unit), 1).astype(np.int64) * unit


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
    steps = sweep.steps_at(slow_times, lr)
    began = time.monotonic()
    run = mx.train(
        sweep.students,
        sweep.source,
        mx.SGD(lr=lr),
        steps=int(steps[-1]),
        batch=1,
        sampling=sweep.sampling,
        loss=sweep.loss,
        init=sweep.start,
        replicas=sweep.replicas[number],
        seed=sweep.seed + number,
        record=steps.tolist(),
        progress=_Lines(f"{sweep.problem}, lr {lr:g}"),
    )
    healthy = run.healthy
    kernels = []
    for k, problem in enumerate(sweep.problems):
        weights = [w[:, healthy] for w in run.snapshots(k)]
        kernels += kernels_of(problem, _projected(problem, weights))
    record = RunRecord(
        problem=sweep.problem,
        lr=lr,
        steps=int(steps[-1]),
        slow_time=sweep.slow_time,
        burn_in=sweep.burn_in,
        snapshots=len(steps),
        replicas=sweep.replicas[number],
        lost=int(np.sum(~healthy)),
        seed=sweep.seed + number,
        wall_seconds=round(time.monotonic() - began, 1),
    )
    return kernels, steps, record


def _projected(problem: Problem, weights: list[Array]) -> list[Array]:
    """Weights on the minima; none is left out.

    The quick projection returns NaN where it is not good enough; there gradient flow is integrated,
    and a snapshot that even this does not project is an error.
    """
    result = project_of(problem, weights, strict=False, charge_rtol=CHARGE_RTOL)
    failed = ~np.isfinite(result[0]).all(axis=(-2, -1))
    if failed.any():
        redone = project_of(problem, [w[failed] for w in weights], charge_rtol=CHARGE_RTOL)
        for layer, again in zip(result, redone, strict=True):
            layer[failed] = again
    return result


def late_kernels(sweep: Sweep, number: int) -> tuple[Array, RunRecord]:
    """Kernels after the burn-in, averaged over time: ``(replica, layer, n, n)``."""
    times = np.linspace(sweep.burn_in, sweep.slow_time, sweep.snapshots)
    kernels, _, record = snapshots_of(sweep, number, times)
    return np.stack([k.mean(axis=0) for k in kernels], axis=1), record


def kernels_of(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """Whitened kernels of unit trace of the hidden layers, ``(..., n, n)`` each."""
    root = sqrt_psd(problem.cov_x)
    result = []
    for h in hidden_maps(problem, weights):
        white = h @ root
        kernel = white.mT @ white
        result.append(kernel / np.trace(kernel, axis1=-2, axis2=-1)[..., None, None])
    return result


def misalignment(kernel_a: Array, kernel_b: Array) -> float:
    """One less the cosine of two kernels, without cancellation.

    For unit vectors ``1 - a·b = ‖a - b‖²/2``.
    """
    a, b = kernel_a / np.linalg.norm(kernel_a), kernel_b / np.linalg.norm(kernel_b)
    return float(np.sum((a - b) ** 2) / 2.0)


def layer_names(students: Sequence[mx.EDLN]) -> list[str]:
    """Hidden layers as ``D2/h1``: the student's depth and the layer."""
    return [f"D{s.depth}/h{i}" for s in students for i in range(1, s.depth)]
