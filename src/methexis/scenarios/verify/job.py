"""`run_verify`: the proof's four steps, carried out.

1. What alignment means is the report's to say. 2. `random_minima`: most minima lack it.
3. `random_minima` again: the entropy is bounded below, and only Platonic points reach it.
4. SGD goes there, along the predicted path; gradient flow from the same weights does not. And, on
a second problem, where it goes depends on how samples are drawn (`three_ways`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from methexis.core.checks import MethexisError
from methexis.core.parallel.threads import one_blas_thread
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.init import gaussian
from methexis.progress import Progress, Silent
from methexis.scenarios.verify.averages import averages, late_steps
from methexis.scenarios.verify.length import run_length
from methexis.scenarios.verify.minima import NUM_MINIMA, random_minima
from methexis.scenarios.verify.prediction import predict
from methexis.scenarios.verify.result import RunLength, VerifyResult, Way
from methexis.scenarios.verify.settings import VerifySettings
from methexis.scenarios.verify.three_ways import train_three_ways
from methexis.scenarios.verify.verdict import judge
from methexis.schedules import cosine
from methexis.theory.platonic import PlatonicSolution, platonic
from methexis.training.optimisers import SGD, GradientFlow
from methexis.training.plan import Plan, log_steps, make_plan
from methexis.training.train import run_plan

#: Standard deviation of initial weights, times ``sqrt(fan-in)``.
INIT_SCALE = 0.5
#: Relative tolerance of the control: what it moves by, SGD moves a thousand times more.
CONTROL_RTOL = 1e-6
#: Recorded steps, evenly spaced in the logarithm.
NUM_RECORDS = 36

Announce = Callable[[str], None]


@one_blas_thread
def run_verify(
    settings: VerifySettings,
    *,
    checkpoint: Path | None = None,
    checkpoint_seconds: float | None = None,
    progress: Progress | None = None,
    announce: Announce | None = None,
) -> VerifyResult:
    """Carry out the four steps, and train the second problem in three ways.

    Parameters
    ----------
    settings : VerifySettings
        What to verify.
    checkpoint : path, optional
        File for the SGD run to resume from.
    checkpoint_seconds : float, optional
        Seconds between checkpoints; 10 by default.
    progress : function, optional
        Receives `progress.Report` while SGD runs.
    announce : function, optional
        Receives one sentence as each part begins.

    Raises
    ------
    MethexisError
        On settings that cannot work (a learning rate above the edge of stability, …), or if every
        replica was lost.
    """
    say = announce or (lambda _: None)
    timings: dict[str, float] = {}
    clock = _Clock(timings)
    source, students = settings.source(), settings.students()
    say("closed forms and relaxation spectrum")
    solutions = [platonic(source, s, loss=settings.loss) for s in students]
    schedule = run_length(
        source,
        students,
        solutions,
        loss=settings.loss,
        sampling=settings.sampling,
        batch=settings.batch,
        lr_times_sharpness=settings.lr_times_sharpness,
        lr=settings.lr,
        steps=settings.steps,
    )
    clock.stop("closed forms")
    say(f"{NUM_MINIMA} random minima of each of two laws")
    minima = [
        random_minima(
            source,
            students,
            solutions,
            distribution=law,
            loss=settings.loss,
            seed=settings.seed,
        )
        for law in ("lognormal", "ginibre")
    ]
    clock.stop("random minima")
    say(f"SGD, {schedule.steps:,} steps of {settings.replicas} replicas of both students")
    record = np.union1d(log_steps(schedule.steps, NUM_RECORDS), late_steps(schedule.steps))
    plan = make_plan(
        students,
        source,
        SGD(schedule.lr, schedule=cosine(schedule.final_factor)),
        steps=schedule.steps,
        batch=settings.batch,
        sampling=settings.sampling,
        loss=settings.loss,
        init=gaussian(INIT_SCALE),
        replicas=settings.replicas,
        seed=settings.seed,
        dtype="float32",  # SGD's noise is far above rounding, and steps take half as long
        record=record,
        measure="all",
    )
    show = progress or Silent()
    run = run_plan(plan, show, checkpoint, checkpoint_seconds=checkpoint_seconds)
    clock.stop("SGD")
    if not run.healthy.any():
        raise MethexisError(
            f"lr: expected a learning rate at which SGD is stable, got {schedule.lr:g}, at which "
            f"all {settings.replicas} replicas diverged; the largest Hessian eigenvalue at the "
            f"Platonic point is {max(s.sharpness for s in solutions):.3g}: try a smaller lr"
        )
    say("control: gradient flow from the same weights")
    control = run_plan(_control_plan(settings, plan, schedule), Silent(), None)
    clock.stop("control")
    say("prediction from the same weights")
    prediction = predict(settings, plan, run, control, solutions)
    clock.stop("prediction")
    say("mean kernels")
    means = averages(plan, run)
    clock.stop("mean kernels")
    ways: list[Way] = []
    if settings.three_ways:
        say("anisotropic noise, trained in three ways")
        ways = train_three_ways(settings)
        clock.stop("three ways")
    shares = [e / s.layer_entropy for e, s in zip(means.layer_entropy, solutions, strict=True)]
    return VerifyResult(
        settings=settings,
        source=source,
        students=students,
        solutions=solutions,
        schedule=schedule,
        minima=minima,
        run=run,
        control=control,
        prediction=prediction,
        mean_kernel=means.raw,
        mean_kernel_projected=means.projected,
        mean_kernel_to_theory=means.to_universal,
        layer_entropy=means.layer_entropy,
        epoch_turn=_epoch_turn(settings, source, schedule, solutions),
        ways=ways,
        verdict=judge(settings, run, control, prediction, minima, means.to_universal, shares, ways),
        timings=timings,
    )


def _control_plan(settings: VerifySettings, plan: Plan, schedule: RunLength) -> Plan:
    """Gradient flow from the weights of the first replicas, for the training time of the run."""
    return make_plan(
        plan.students,
        settings.teacher(),
        GradientFlow(schedule.lr, rtol=CONTROL_RTOL),
        steps=schedule.steps,
        batch=settings.batch,
        sampling="full",
        loss=settings.loss,
        init=[[w[: settings.predicted] for w in layers] for layers in plan.start],
        replicas=settings.predicted,
        seed=settings.seed,
        record=plan.record,
        measure=(),  # the weights themselves are compared
    )


class _Clock:
    """Writes the seconds since the last stop under a name."""

    def __init__(self, timings: dict[str, float]) -> None:
        self._timings, self._last = timings, time.monotonic()

    def stop(self, name: str) -> None:
        now = time.monotonic()
        self._timings[name] = now - self._last
        self._last = now


def _epoch_turn(
    settings: VerifySettings,
    source: Teacher | Samples,
    schedule: RunLength,
    solutions: list[PlatonicSolution],
) -> float | None:
    """``η λ_max N / B``: how far one epoch moves along the stiffest direction (shuffled runs).

    Shuffled epochs act as a unit only where this is small; far above 1 they are i.i.d. sampling.
    """
    if settings.sampling != "shuffle" or not isinstance(source, Samples):
        return None
    sharpest = max(s.sharpness for s in solutions)
    return schedule.lr * sharpest * source.num_samples / settings.batch
