"""One case measured: ensembles at a few values of the small parameter, and their limit."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.core.problem import Problem
from methexis.progress import Progress
from methexis.scenarios.framework.scenario import Effort
from methexis.scenarios.framework.simulation import projected, survivors
from methexis.scenarios.framework.statistics import fit_powers, jackknife
from methexis.scenarios.sharpening.case import BATCH, TOP, Case, Found, PathPoint, Reading
from methexis.scenarios.sharpening.curvature import on_minima, predicted, sampled_batch_sharpness
from methexis.training.optimisers import SGD, GradientFlow
from methexis.training.plan import Plan, make_plan
from methexis.training.weights import recorded_weights

#: What projections and integrated paths may be off by, relative to a value.
ACCURACY = 1e-6
#: Fresh batches per replica and snapshot of which batch sharpness is taken.
NUM_BATCHES, QUICK_BATCHES = 2000, 500
#: Its errors are far above what the square of the small parameter does, and a fit of two powers
#: does not multiply them.
_BATCH_POWERS = 2


def measure(case: Case, *, seed: int, quick: bool, show: Progress | None = None) -> Found:
    """Train and compare; ``seed`` is that of the first ensemble."""
    effort = case.quick if quick else case.full
    first = case.slow_times[0]
    fine_times = np.union1d(np.geomspace(first / 3.0, case.slow_times[-1], 40), case.slow_times)
    fine = predicted(case, fine_times.tolist())
    start = {name: v[0] for name, v in predicted(case, (0.0,)).items()}
    sharpest = max(float(fine[TOP].max()), float(start[TOP].max()))
    readings = [
        _train(
            case,
            small,
            effort.replicas,
            seed + k,
            sharpest,
            QUICK_BATCHES if quick else NUM_BATCHES,
            show,
        )
        for k, small in enumerate(effort.small)
    ]
    at = np.searchsorted(fine_times, case.slow_times)
    wanted = {name: v[at] for name, v in fine.items()}
    return Found(
        case=case,
        quick=quick,
        start=start,
        fine_times=fine_times,
        fine=fine,
        control=_control(case, readings[0].lr) if case.control else {},
        readings=tuple(readings),
        points=tuple(compare(case, effort, readings, wanted)),
    )


def plan_of(case: Case, small: float, replicas: int, seed: int, sharpest: float) -> Plan:
    """The run at one value of the small parameter, validated."""
    teacher = case.teacher()
    students = case.students(teacher)
    lr, label_noise, per_step = case.training.rates(small, sharpest)
    steps = np.maximum(np.rint(np.asarray(case.slow_times) / per_step), 1).astype(np.int64)
    if len(np.unique(steps)) < len(steps):
        raise MethexisError(
            f"{case.name}: expected slow times at least a step apart, got steps {steps.tolist()}; "
            "take a smaller parameter, or fewer times"
        )
    return make_plan(
        students,
        case.training.source(teacher),
        SGD(lr=lr),
        steps=int(steps[-1]),
        batch=case.training.batch,
        sampling=case.training.sampling,
        label_noise=label_noise,
        init=case.start(teacher, students),
        replicas=replicas,
        seed=seed,
        record=steps,
    )


def _train(
    case: Case,
    small: float,
    replicas: int,
    seed: int,
    sharpest: float,
    num_batches: int,
    show: Progress | None,
) -> Reading:
    began = time.monotonic()
    plan = plan_of(case, small, replicas, seed, sharpest)
    raw, lost = survivors(plan, case.name, f"{small:g} of the small parameter", show)
    left = replicas - lost
    teacher = case.teacher()
    problems = [Problem.of(teacher, s) for s in plan.students]
    minima = [projected(p, layers) for p, layers in zip(problems, raw, strict=True)]
    paths = on_minima(problems, minima)
    values = {name: v.mean(axis=1) for name, v in paths.items()}
    errors = {name: v.std(axis=1, ddof=1) / np.sqrt(left) for name, v in paths.items()}
    if case.training.batch_sharpness:
        generator = np.random.default_rng(seed)
        values[BATCH], errors[BATCH] = (np.empty_like(values[TOP]) for _ in range(2))
        for k, (problem, layers) in enumerate(zip(problems, raw, strict=True)):
            for row in range(len(values[TOP])):
                sums = sampled_batch_sharpness(
                    teacher,
                    problem,
                    [w[row] for w in layers],
                    batch=case.training.batch,
                    num_batches=num_batches,
                    generator=generator,
                )
                values[BATCH][row, k], errors[BATCH][row, k] = jackknife(
                    _ratio, np.stack(sums, axis=-1)
                )
    lr = float(case.training.rates(small, sharpest)[0])
    return Reading(
        small=small,
        lr=lr,
        steps=plan.steps,
        replicas=replicas,
        lost=lost,
        seed=seed,
        value=values,
        error=errors,
        replica_paths=paths,
        seconds=time.monotonic() - began,
    )


def _ratio(mean: Array) -> float:
    return float(mean[0] / mean[1])


def compare(
    case: Case, effort: Effort, readings: Sequence[Reading], wanted: dict[str, Array]
) -> list[PathPoint]:
    """Extrapolate every value to a small parameter of zero and compare with ``wanted``."""
    dof = min(r.replicas - r.lost for r in readings) - 1
    smalls = [r.small for r in readings]
    points = []
    for quantity, prediction in wanted.items():
        for row, student in np.ndindex(*prediction.shape):
            value = float(prediction[row, student])
            floor = ACCURACY * abs(value)
            fit = fit_powers(
                smalls,
                [float(r.value[quantity][row, student]) for r in readings],
                [float(np.hypot(r.error[quantity][row, student], floor)) for r in readings],
                effort.powers[:_BATCH_POWERS] if quantity == BATCH else effort.powers,
            )
            points.append(
                PathPoint.compared(
                    quantity=quantity,
                    student=student,
                    slow_time=case.slow_times[row],
                    predicted=value,
                    measured=fit.coefficients[0],
                    error=fit.errors[0],
                    dof=dof,
                    allowed=effort.allowed(abs(value)),
                )
            )
    return points


def _control(case: Case, lr: float) -> dict[str, Array]:
    """Gradient flow from the same weights for the time of the run, measured where it is."""
    teacher = case.teacher()
    students = case.students(teacher)
    steps = np.maximum(np.rint(np.asarray(case.slow_times) / lr**2), 1).astype(np.int64)
    plan = make_plan(
        students,
        teacher,
        GradientFlow(lr),
        steps=int(steps[-1]),
        batch=1,
        sampling="full",
        init=case.start(teacher, students),
        replicas=1,
        seed=0,
        record=steps,
    )
    weights, _ = recorded_weights(plan)
    problems = list(plan.problems)
    return on_minima(problems, [projected(p, w) for p, w in zip(problems, weights, strict=True)])
