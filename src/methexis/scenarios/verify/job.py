"""`run_verify`: the proof's four steps, carried out.

1. What alignment means is the report's to say. 2. `random_minima`: most minima lack it.
3. `random_minima` again: the entropy is bounded below, and only Platonic points reach it.
4. SGD goes there, along the predicted path; gradient flow from the same weights does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.core.edln import EDLN
from methexis.core.geometry import gram_cosines
from methexis.core.problem import Problem
from methexis.core.products import hidden_maps
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.core.threads import one_blas_thread
from methexis.init import gaussian
from methexis.progress import Progress, Silent
from methexis.scenarios.verify.prediction import predict
from methexis.scenarios.verify.result import RandomMinima, RunLength, VerifyResult
from methexis.scenarios.verify.settings import VerifySettings
from methexis.scenarios.verify.verdict import judge
from methexis.schedules import cosine
from methexis.theory.entropy import entropy_of
from methexis.theory.flow import shuffle_factor
from methexis.theory.gauge import random_minimum
from methexis.theory.moments import gradient_moments
from methexis.theory.platonic import PlatonicSolution, platonic
from methexis.theory.projection import project_of
from methexis.theory.relaxation import relaxation
from methexis.training.optimisers import SGD, GradientFlow
from methexis.training.plan import Plan, log_steps, make_plan
from methexis.training.recording import Recorder, mean_kernels
from methexis.training.run import Run
from methexis.training.train import run_plan

#: Minima drawn from each law.
NUM_MINIMA = 200
#: The slowest mode's share of ``1 - alignment`` falls by this factor in a fitted run.
REDUCTION = 3e4
#: Standard deviation of initial weights, times ``sqrt(fan-in)``.
INIT_SCALE = 0.7
#: Last part of the run, over which kernels are averaged.
LATE_PART = 0.1
_FINAL_FACTOR = 0.02

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
    """Carry out the four steps.

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
    sgd = partial(run_plan, checkpoint=checkpoint, checkpoint_seconds=checkpoint_seconds)
    return _run(settings, partial(sgd, show=progress or Silent()), announce or (lambda _: None))


def _run(settings: VerifySettings, run_sgd: Callable[[Plan], Run], say: Announce) -> VerifyResult:
    timings: dict[str, float] = {}
    clock = _Clock(timings)
    source, students = settings.source(), settings.students()
    say("closed forms and relaxation spectrum")
    solutions = [platonic(source, s, loss=settings.loss) for s in students]
    schedule = _schedule(settings, source, students, solutions)
    clock.stop("closed forms")
    say(f"{NUM_MINIMA} random minima of each of two laws")
    minima = [
        _random_minima(settings, source, students, solutions, name)
        for name in ("lognormal", "ginibre")
    ]
    clock.stop("random minima")
    say(f"SGD, {schedule.steps:,} steps of {settings.replicas} replicas of both students")
    late = np.linspace((1.0 - LATE_PART) * schedule.steps, schedule.steps, 32)
    record = np.unique(np.concatenate([log_steps(schedule.steps, 48), late.astype(np.int64)]))
    sgd = SGD(schedule.lr, schedule=cosine(schedule.final_factor))
    plan = make_plan(
        students,
        source,
        sgd,
        steps=schedule.steps,
        batch=settings.batch,
        sampling=settings.sampling,
        paired=True,
        loss=settings.loss,
        init=gaussian(INIT_SCALE),
        replicas=settings.replicas,
        seed=settings.seed,
        dtype="float64",
        record=record,
        engine="auto",
    )
    run = run_sgd(plan)
    clock.stop("SGD")
    if not run.healthy.any():
        raise MethexisError(
            f"lr: expected a learning rate at which SGD is stable, but all {settings.replicas} "
            f"replicas diverged at lr = {schedule.lr:g}; the largest Hessian eigenvalue at the "
            f"Platonic point is {max(s.sharpness for s in solutions):.3g}, try a smaller lr"
        )
    say("control: gradient flow from the same weights")
    control_plan = make_plan(
        students,
        settings.teacher(),
        GradientFlow(schedule.lr, rtol=1e-8),
        steps=schedule.steps,
        batch=settings.batch,
        sampling="full",
        paired=True,
        loss=settings.loss,
        init=plan.start,
        replicas=settings.replicas,
        seed=settings.seed,
        dtype="float64",
        record=record,
        engine="auto",
    )
    control = run_plan(control_plan, Silent(), None)
    clock.stop("control")
    say("prediction from the same weights")
    prediction = predict(settings, plan, run, solutions)
    clock.stop("prediction")
    say("mean kernels")
    recorder = Recorder(plan)
    raw, projected = _late_weights(plan.problems, run)
    mean_projected = mean_kernels(recorder, projected)
    universal = recorder.whitened_universal_kernels()
    layer_entropy = [
        np.stack(gradient_moments(p, _final(layers, run)).layer_entropy(), axis=-1)
        for p, layers in zip(plan.problems, projected, strict=True)
    ]
    clock.stop("mean kernels")
    mean_raw = mean_kernels(recorder, raw)
    pairs = _cosines(mean_projected)
    to_universal = np.array([_cosine(k, u) for k, u in zip(mean_projected, universal, strict=True)])
    shares = [e / s.layer_entropy for e, s in zip(layer_entropy, solutions, strict=True)]
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
        mean_kernel=_cosines(mean_raw),
        mean_kernel_projected=pairs,
        mean_kernel_to_theory=to_universal,
        layer_entropy=layer_entropy,
        epoch_turn=_epoch_turn(settings, source, schedule, solutions),
        verdict=judge(settings, run, control, prediction, minima, to_universal, shares),
        timings=timings,
    )


class _Clock:
    """Writes the seconds since the last stop under a name."""

    def __init__(self, timings: dict[str, float]) -> None:
        self._timings, self._last = timings, time.monotonic()

    def stop(self, name: str) -> None:
        now = time.monotonic()
        self._timings[name] = now - self._last
        self._last = now


def _schedule(
    settings: VerifySettings,
    source: Teacher | Samples,
    students: list[EDLN],
    solutions: list[PlatonicSolution],
) -> RunLength:
    """Size the run from the relaxation spectrum.

    ``1 - alignment`` of the slowest mode falls as ``e^{-μτ/2}``; the run is long enough for a
    factor `REDUCTION`. A cosine schedule down to a small factor averages ``η²`` to 3/8 of its
    start.
    """
    sharpest = max(s.sharpness for s in solutions)
    lr = settings.lr_times_sharpness / sharpest if settings.lr is None else settings.lr
    if lr * sharpest >= 2.0:
        raise MethexisError(
            f"lr: expected lr < {2.0 / sharpest:.3g} (2 over the largest Hessian eigenvalue "
            f"{sharpest:.3g} at the Platonic point), got {lr:g}: gradient descent diverges there"
        )
    slowest = max(
        4.0 / relaxation(source, s, lr=lr, batch=settings.batch, loss=settings.loss).eigenvalues[0]
        for s in students
    )
    per_step = lr**2 / settings.batch * 3.0 / 8.0
    if settings.sampling == "shuffle" and isinstance(source, Samples):
        per_step *= shuffle_factor(source.num_samples, settings.batch)
    fitted = settings.steps is None
    if settings.steps is None:
        wanted = slowest / 2.0 * np.log(REDUCTION)
        steps = int(np.ceil(wanted / per_step / 1000.0)) * 1000
    else:
        steps = settings.steps
    rates = SGD(lr, schedule=cosine(_FINAL_FACTOR))
    total = rates.slow_time(np.array([steps]), steps, settings.batch)[0]
    return RunLength(lr, _FINAL_FACTOR, settings.batch, steps, float(total), float(slowest), fitted)


def _random_minima(
    settings: VerifySettings,
    source: Teacher | Samples,
    students: list[EDLN],
    solutions: list[PlatonicSolution],
    distribution: str,
) -> RandomMinima:
    problems = [Problem.of(source, s, settings.loss) for s in students]
    maps: list[Array] = []
    ratios = []
    for k, (problem, student, solution) in enumerate(
        zip(problems, students, solutions, strict=True)
    ):
        draws = [
            random_minimum(
                source,
                student,
                seed=(settings.seed * len(students) + k) * NUM_MINIMA + i,
                distribution=distribution,
                loss=settings.loss,
            )
            for i in range(NUM_MINIMA)
        ]
        weights = [np.stack(layer) for layer in zip(*draws, strict=True)]
        maps += hidden_maps(problem, weights)
        ratios.append(entropy_of(problem, weights) / solution.entropy)
    cosines = gram_cosines(maps, problems[0].cov_x)
    upper = np.triu_indices(cosines.shape[-1], k=1)
    return RandomMinima(distribution, cosines[:, *upper], np.stack(ratios, axis=-1))


def _final(layers: list[Array], run: Run) -> list[Array]:
    return [w[-1][run.healthy] for w in layers]


def _late_weights(
    problems: tuple[Problem, ...], run: Run
) -> tuple[list[list[Array]], list[list[Array]]]:
    steps = np.asarray(run.data["step"])
    late = steps >= (1.0 - LATE_PART) * steps[-1]
    raw = [[w[late] for w in run.snapshots(k)] for k in range(len(problems))]
    projected = [
        project_of(p, w, strict=False, charge_rtol=1e-5) for p, w in zip(problems, raw, strict=True)
    ]
    return raw, projected


def _cosine(a: Array, b: Array) -> float:
    return float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)))


def _cosines(kernels: list[Array]) -> Array:
    return np.array([[_cosine(a, b) for b in kernels] for a in kernels])


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
