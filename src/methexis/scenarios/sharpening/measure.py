"""One case measured: ensembles at a few values of the small parameter, and their limit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.core.problem import Problem
from methexis.progress import Progress
from methexis.scenarios.framework.mean_kernels import projected
from methexis.scenarios.framework.statistics import fit_powers, half_width, jackknife, normal_score
from methexis.scenarios.sharpening.case import Case, Effort
from methexis.scenarios.sharpening.curvature import (
    BATCH,
    TOP,
    on_minima,
    predicted,
    sampled_batch_sharpness,
)
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


@dataclass(frozen=True, eq=False)
class Reading:
    """An ensemble at one value of the small parameter.

    Attributes
    ----------
    small, lr : float
    steps, replicas, lost, seed : int
    values, errors : dict of arrays (time, student)
        Means over replicas, and their standard errors.
    replica_paths : dict of arrays (time, replica, student)
        What a figure draws.
    seconds : float
    """

    small: float
    lr: float
    steps: int
    replicas: int
    lost: int
    seed: int
    values: dict[str, Array]
    errors: dict[str, Array]
    replica_paths: dict[str, Array]
    seconds: float


@dataclass(frozen=True)
class Point:
    """One quantity of one student at one slow time.

    Attributes
    ----------
    quantity : str
    student : int
    slow_time : float
    predicted, measured, error, half : float
        ``half`` is half of a 95 % interval.
    allowed : float
        What a quick run allows for powers of the small parameter that it does not fit.
    deviation : float
        Measured less predicted, less what is allowed, in standard deviations of a normal law.
    """

    quantity: str
    student: int
    slow_time: float
    predicted: float
    measured: float
    error: float
    half: float
    allowed: float
    deviation: float


@dataclass(frozen=True, eq=False)
class Found:
    """A case with its prediction, its readings and their limit.

    Attributes
    ----------
    start, fine, control : dict of arrays (…, student)
        Prediction at slow time 0; along `fine_times`; and where gradient flow has gone in the time
        of the run, at ``slow_times``; the last is empty without a control.
    """

    case: Case
    quick: bool
    start: dict[str, Array]
    fine_times: Array
    fine: dict[str, Array]
    control: dict[str, Array]
    readings: tuple[Reading, ...]
    points: tuple[Point, ...]

    def of(self, quantity: str, student: int = 0) -> list[Point]:
        """Points of one quantity, in order of time."""
        return [p for p in self.points if p.quantity == quantity and p.student == student]

    @property
    def quantities(self) -> list[str]:
        """What was measured."""
        return list(self.readings[0].values)

    def num_students(self, quantity: str) -> int:
        """Of how many students."""
        return int(self.readings[0].values[quantity].shape[-1])

    @property
    def lost(self) -> int:
        """Replicas that diverged or collapsed."""
        return sum(r.lost for r in self.readings)


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
        raise MethexisError(f"{case.name}: expected slow times at least a step apart")
    return make_plan(
        students,
        case.training.source(teacher),
        SGD(lr=lr),
        steps=int(steps[-1]),
        batch=case.training.batch,
        sampling=case.training.sampling,
        paired=True,
        loss="squared",
        label_noise=label_noise,
        init=case.start(teacher, students),
        replicas=replicas,
        seed=seed,
        dtype="float64",
        record=steps,
        engine="auto",
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
    weights, healthy = recorded_weights(plan, show)
    left = int(healthy.sum())
    if left < 2:
        raise MethexisError(
            f"{case.name}: expected replicas that stay finite, got {left} of {replicas} at "
            f"{small:g} of the small parameter"
        )
    teacher = case.teacher()
    problems = [Problem.of(teacher, s) for s in plan.students]
    raw = [[w[:, healthy] for w in layers] for layers in weights]
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
        lost=replicas - left,
        seed=seed,
        values=values,
        errors=errors,
        replica_paths=paths,
        seconds=time.monotonic() - began,
    )


def _ratio(mean: Array) -> float:
    return float(mean[0] / mean[1])


def compare(
    case: Case, effort: Effort, readings: Sequence[Reading], wanted: dict[str, Array]
) -> list[Point]:
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
                [float(r.values[quantity][row, student]) for r in readings],
                [float(np.hypot(r.errors[quantity][row, student], floor)) for r in readings],
                effort.powers[:_BATCH_POWERS] if quantity == BATCH else effort.powers,
            )
            measured, error = fit.coefficients[0], fit.errors[0]
            allowed = effort.allowed * abs(value)
            gap = measured - value
            rest = float(np.sign(gap)) * max(abs(gap) - allowed, 0.0)
            points.append(
                Point(
                    quantity=quantity,
                    student=student,
                    slow_time=case.slow_times[row],
                    predicted=value,
                    measured=measured,
                    error=error,
                    half=half_width(error, replicas=dof + 1),
                    allowed=allowed,
                    deviation=normal_score(rest / error, dof),
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
        paired=True,
        loss="squared",
        init=case.start(teacher, students),
        replicas=1,
        seed=0,
        dtype="float64",
        record=steps,
        engine="auto",
    )
    weights, _ = recorded_weights(plan)
    problems = list(plan.problems)
    return on_minima(problems, [projected(p, w) for p, w in zip(problems, weights, strict=True)])
