"""`predict_run`: follow the path that theory draws for a run, from the weights it started from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from methexis.core.answers import finite_replicas
from methexis.core.checks import Array, MethexisError, integer, number
from methexis.core.parallel.threads import one_blas_thread
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.progress import Progress, Report
from methexis.theory.adaptive.path import integrate_adaptive
from methexis.theory.adaptive.slow import Metric
from methexis.theory.curvature import batched_sharpness
from methexis.theory.dual.normal import flattest_of
from methexis.theory.flow import Pull, Velocity, decayed, integrate_slow
from methexis.theory.path import SlowPath
from methexis.theory.projection import project_of, relative_gap
from methexis.training.prediction.cost import seconds_of
from methexis.training.prediction.course import Course, course_of
from methexis.training.prediction.predicted import Predicted
from methexis.training.prediction.setting import Setting, epoch_turn, times_since_start
from methexis.training.records.afterwards import stored_problem
from methexis.training.records.origin import require_source

#: Replicas that are followed by default, and seconds that it may take.
REPLICAS, PATIENCE = 8, 60.0
#: By what the tolerance is larger where rates are far apart.
_STIFF = 10.0
#: What is to be well below 1 is pointed out from here on.
_SMALL = 0.5
#: Part of its memory that an adaptive rule may forget in a step; theory is to leading order in it.
_SHORT_MEMORY = 0.05
#: Relative gap of weights that count as near the minima; landing changes kernels by its square.
_ARRIVED = 0.25


@one_blas_thread
def predict_run(
    tree: xr.DataTree,
    provenance: Mapping[str, Any],
    cells: Mapping[str, int],
    *,
    replicas: int | None,
    source: Teacher | Samples | None,
    rtol: float,
    patience: float,
    show: Progress,
) -> Predicted:
    """`Run.predict` of a run's tree and provenance."""
    rtol = number("rtol", rtol, above=0.0, below=1.0)
    patience = number("patience", patience, above=0.0)
    numbers = [int(r) for r in np.asarray(tree["replica"])]
    most = min(REPLICAS, len(numbers)) if replicas is None else integer(
        "replicas", replicas, least=1, most=len(numbers)
    )  # fmt: skip
    if cells:
        raise MethexisError(
            f"predict: expected a run without cells, got cells along {', '.join(cells)}; take one "
            "with run.cell(…)"
        )
    held = require_source(tree, source, "predict")
    setting = Setting.of(provenance, held)
    rows = held if isinstance(held, Samples) else None
    courses = [
        course_of(stored_problem(tree, provenance, k, rows, "predict"), setting)
        for k in range(tree.sizes["student"])
    ]
    seconds = sum(seconds_of(course, most) for course in courses)
    if seconds > patience:
        raise MethexisError(
            f"predict: expected paths that take at most patience = {patience:g} s to follow, got "
            f"an estimate of {seconds:.3g} s for {most} replicas on one core; follow fewer "
            "replicas, or set patience"
        )
    clock = _Clock(tree, setting, courses, show)
    notes: list[str] = []
    paths: list[SlowPath | None] = []
    reasons = []
    for k, course in enumerate(courses):
        path, reason = None, course.reason
        if course.velocity is not None:
            try:
                recorded = [w[:, :most] for w in _recorded_weights(tree, k)]
                if course.adaptive:
                    path = _follow_adaptive(course, setting, recorded, clock, rtol, notes)
                else:
                    start = [w[0] for w in recorded]
                    path = _follow(course, setting, start, clock, rtol, notes)
            except MethexisError as error:  # as no minimum within reach, or too long a path
                reason = str(error)
        paths.append(path)
        reasons.append(reason)
    clock.finish()
    strained = _strained_adaptive if setting.adaptive else _strained
    notes += strained([path for path in paths if path is not None], setting)
    return Predicted(
        steps=np.asarray(tree["step"]),
        slow_time=np.asarray(tree["slow_time"], dtype=np.float64),
        replicas=tuple(numbers[:most]),
        names=tuple("" if path is None else c.name for c, path in zip(courses, paths, strict=True)),
        because=tuple(
            "" if path is None else c.because for c, path in zip(courses, paths, strict=True)
        ),
        paths=tuple(paths),
        reasons=tuple(reasons),
        notes=tuple(dict.fromkeys(notes)),
        num_shared=int(tree.children["student_0"].attrs["num_shared"]),
    )


class _Clock:
    """Slow time of the records, and progress along it over all students."""

    def __init__(
        self, tree: xr.DataTree, setting: Setting, courses: Sequence[Course], show: Progress
    ) -> None:
        self.first = float(np.asarray(tree["slow_time"])[0])
        self.times = times_since_start(np.asarray(tree["slow_time"], dtype=np.float64))
        self._steps, self._show = setting.steps, show
        self._total = setting.steps * sum(course.velocity is not None for course in courses)
        self._done = self._latest = 0

    def watch(self, time: float) -> None:
        """Show how far the path of the present student has come."""
        if np.isfinite(time) and self.times[-1] > 0.0:
            part = min(max(time / float(self.times[-1]), 0.0), 1.0)
            at = min(self._done + int(part * self._steps), self._total - 1)
            self._latest = max(self._latest, at)  # a step that is taken back is no way back
            self._show(Report(self._latest, self._total, float("nan")))

    def next(self) -> None:
        """The path of a student has come to its end."""
        self._done += self._steps

    def finish(self) -> None:
        """All paths have; of none nothing is shown."""
        if self._total:
            self._show(Report(self._total, self._total, float("nan")))


def _recorded_weights(tree: xr.DataTree, k: int) -> list[Array]:
    """Weights of a student at all records, ``(step, replica, d_i, d_{i-1})``."""
    group = tree.children[f"student_{k}"]
    depth = int(group.attrs["depth"])
    return [np.asarray(group[f"weights_{i}"], dtype=np.float64) for i in range(1, depth + 1)]


def _follow(
    course: Course,
    setting: Setting,
    start: list[Array],
    clock: _Clock,
    rtol: float,
    notes: list[str],
) -> SlowPath:
    """The path of one student, and in ``notes`` what it strains."""
    problem, velocity = course.problem, course.velocity
    assert velocity is not None  # who calls has seen it
    landed = _landed(problem, start, notes)
    path = _integrated(problem, landed, velocity, setting.decay(), clock, rtol)
    clock.next()
    notes += [f"the path supposes that {course.note}"] if course.note else []
    return SlowPath(clock.times + clock.first, path.weights, problem)


def _follow_adaptive(
    course: Course,
    setting: Setting,
    recorded: list[Array],
    clock: _Clock,
    rtol: float,
    notes: list[str],
) -> SlowPath:
    """The path of one student of an adaptive rule, from the first record near the minima.

    How such a rule gets there is not known; before that record weights are NaN, and so are those of
    replicas that are not there with most others.

    Raises
    ------
    MethexisError
        If no record is near the minima, or the path cannot be followed.
    """
    problem, velocity = course.problem, course.velocity
    assert velocity is not None  # who calls has seen it
    with np.errstate(all="ignore"):  # of lost replicas
        near = relative_gap(problem, recorded) <= _ARRIVED
    arrived = near.sum(axis=-1)
    if not arrived.any():
        raise MethexisError(
            f"no record of the run is near the minima, and the way that {setting.name} takes there "
            "is not known"
        )
    first = int(np.argmax(arrived))
    start = [np.where(near[first][:, None, None], w[first], np.nan) for w in recorded]
    times = clock.times[first:] - clock.times[first]
    path = integrate_adaptive(problem, start, times, velocity, rtol=rtol, watch=clock.watch)
    clock.next()
    if first:
        notes.append(
            f"{setting.name} is followed from record {first}, the first one near the minima: the "
            "way there is not known"
        )
    if not near[first].all():
        notes.append(f"of {near.shape[1]} replicas {arrived[first]} are near the minima there")
    whole = [np.full_like(w, np.nan) for w in recorded]
    for layer, known in zip(whole, path.weights, strict=True):
        layer[first:] = known
    return SlowPath(clock.times + clock.first, whole, problem)


def _integrated(
    problem: Problem,
    start: list[Array],
    velocity: Velocity,
    decay: float | Pull,
    clock: _Clock,
    rtol: float,
) -> SlowPath:
    """Integrate as `theory.entropic_flow` and `theory.slow_drift` do.

    Where rates are so far apart that this takes too long, by the method made for that, to fewer
    digits.
    """
    times, watch = clock.times, clock.watch
    if not isinstance(decay, float):
        pull = decay
        return integrate_slow(
            problem, start, times, velocity, rtol=rtol, watch=watch,
            pull=lambda time: pull(time + clock.first),
        )  # fmt: skip
    kappa = decay

    def decaying(weights: list[Array]) -> list[Array]:
        return decayed(problem, weights, velocity(weights), kappa)

    try:
        return integrate_slow(problem, start, times, decaying, rtol=rtol, watch=watch)
    except MethexisError:
        return integrate_slow(
            problem, start, times, decaying, rtol=_STIFF * rtol, watch=watch, stabilised=True
        )


def _landed(problem: Problem, start: list[Array], notes: list[str]) -> list[Array]:
    """The starts on the minima; replicas that have none within reach are NaN."""
    try:
        return project_of(problem, start)
    except MethexisError:
        if len(start[0]) == 1:
            raise
    landed = [np.full_like(w, np.nan) for w in start]
    for r in np.flatnonzero(finite_replicas(start)):
        try:
            ends = project_of(problem, [w[r] for w in start])
        except MethexisError:
            continue
        for layer, end in zip(landed, ends, strict=True):
            layer[r] = end
    alive = int(finite_replicas(landed).sum())
    if not alive:
        return project_of(problem, start)  # which says why not
    notes.append(f"of {len(start[0])} starts {alive} have a minimum within reach")
    return landed


def _strained(paths: Sequence[SlowPath], setting: Setting) -> list[str]:
    """What the theory of these paths rests on and the run strains."""
    if not paths:
        return []
    strains = []
    ends = [[w[[0, -1]] for w in path.weights] for path in paths]
    problems = [path.problem for path in paths]
    sharpest = max(
        float(np.nanmax(batched_sharpness(problem, layers, rtol=1e-3)))
        for problem, layers in zip(problems, ends, strict=True)
    )
    turn, rate = epoch_turn(setting, sharpest), setting.effective_lr * sharpest
    if rate > _SMALL:
        strains.append(
            f"at η λ_max = {rate:.2g} steps are long: the path is the limit of small ones"
        )
    if turn > _SMALL:
        strains.append(
            f"at η λ_max N/B = {turn:.2g} epochs are long: the flow is the limit in which this is "
            "well below 1, and a long epoch acts like independent samples"
        )
    if setting.decay_rate:
        slowest = min(flattest_of(p, layers) for p, layers in zip(problems, ends, strict=True))
        if setting.decay_rate > _SMALL * slowest:
            strains.append(
                f"weight decay is {setting.decay_rate / slowest:.2g} of the least curvature across "
                "the minima, so that it pulls the weights off these"
            )
    if any(_singular(problem) for problem in problems):
        strains.append(
            "every layer has more neurons than the target has modes, so that the minima are "
            "singular where spare neurons have died out, and nothing is claimed there"
        )
    return strains


def _strained_adaptive(paths: Sequence[SlowPath], setting: Setting) -> list[str]:
    """What the theory of these paths of an adaptive rule rests on and the run strains."""
    if not paths:
        return []
    strains = []
    curvature = max(_metric_sharpness(path) for path in paths)
    rate = setting.effective_lr * curvature * float(np.sqrt(setting.batch))
    if rate > _SMALL:
        strains.append(
            f"at η λ_max = {rate:.2g} in the metric of its steps these are long: the path is the "
            "limit of small ones"
        )
    if rate * setting.epoch > _SMALL:
        strains.append(
            f"at η λ_max N/B = {rate * setting.epoch:.2g} in the metric of its steps epochs are "
            "long: a long epoch acts like independent samples"
        )
    forgotten = setting.memory * setting.effective_lr * float(np.sqrt(setting.batch))
    if forgotten > _SHORT_MEMORY:
        strains.append(
            f"with β2 = {1.0 - forgotten:g} sizes of the gradient are known from few steps, which "
            "lets weights diffuse along the minima"
        )
    return strains


def _metric_sharpness(path: SlowPath) -> float:
    """Largest eigenvalue of the Hessian at the end of a path, in the metric of an adaptive rule."""
    ends = [w[-1] for w in path.weights]
    alive = finite_replicas(ends)
    return Metric(path.problem, [w[alive] for w in ends]).sharpest()


def _singular(problem: Problem) -> bool:
    """Whether minima are singular at the Platonic point (docs/theory.md §5.8)."""
    rank = problem.rank
    return rank < min(problem.target.shape) and min(problem.dims[1:-1]) > rank
