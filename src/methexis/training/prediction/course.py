"""Which slow dynamics a student follows, and why; or why theory says of none.

How samples are drawn decides (docs/decisions/0003): shuffled epochs follow the entropic flow,
independent samples the slow drift, which is the same flow where the noise is equally strong in all
directions of the loss's metric. Fresh noise on the labels is independent in every step, whatever
the data do, so that in shuffled epochs and full batches it adds a drift of its own. Weight decay
adds a pull.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from methexis.core.attainable import attainable
from methexis.core.checks import RANK_TOLERANCE, Array, ConditionError
from methexis.core.problem import Problem
from methexis.theory.adaptive.path import adaptive_velocity, epoch_push
from methexis.theory.fixed_points.deficit import couples, deficit_velocity
from methexis.theory.fixed_points.drift import drift_velocity, isotropic
from methexis.theory.flow import Velocity, entropic_velocity, slowed
from methexis.training.prediction.setting import Setting

FLOW, DRIFT = "entropic flow", "slow drift"
ADAPTIVE_FLOW, ADAPTIVE_DRIFT = "adaptive flow", "adaptive drift"
#: Deviation of the moment of residuals and inputs from a product, relative, up to which it is one.
_FACTORS = 1e-9


@dataclass(frozen=True, eq=False)
class Course:
    """What theory says of one student: a velocity on slow time, or why there is none.

    Attributes
    ----------
    problem : Problem
        What the student solves: with the noise on its labels, in the metric of its loss, with the
        best map that it can represent as target.
    velocity : function or None
        ``dθ/dτ`` at weights on the minima, without weight decay.
    name, because : str
        What the dynamics is called, and why it is this one.
    reason : str
        Why there is none.
    dense : bool
        Whether a velocity takes work dense in the number of parameters.
    note : str
        What it rests on beside the limit of small steps.
    adaptive : bool
        Whether it is the motion of an adaptive rule, on ``η² t``, with weight decay in it.
    """

    problem: Problem
    velocity: Velocity | None = None
    name: str = ""
    because: str = ""
    reason: str = ""
    dense: bool = False
    note: str = ""
    adaptive: bool = False


def course_of(problem: Problem, setting: Setting) -> Course:
    """What theory says of a student, as folded from its source, in a run of such a setting."""
    try:
        problem.require_theory()
    except ConditionError as error:
        return Course(problem, reason=_without_name(error))
    if why := setting.why_none():
        return Course(problem, reason=why)
    running = problem.loss == "whitened_running"
    if running and not setting.independent:
        return Course(
            problem,
            reason="a metric that is estimated while training knows samples of the epoch it is in, "
            "and theory speaks of it for independent samples alone",
        )
    try:
        noisy = problem.with_label_noise(setting.label_noise)
        if running:
            noisy = noisy.whitened_by_noise()
        best = attainable(noisy)
    except ConditionError as error:
        return Course(problem, reason=_without_name(error))
    missing = (noisy.target - best.target) @ noisy.root_x
    limited = bool(
        np.linalg.norm(missing) > RANK_TOLERANCE * np.linalg.norm(noisy.target @ noisy.root_x)
    )
    if not limited:
        best = noisy
    if setting.adaptive:
        return adaptive_course(noisy, setting, limited=limited or running)
    coupled = limited and couples(noisy, best)
    if limited and not setting.gaussian_inputs and (coupled or noisy.x is None):
        return Course(
            problem,
            reason="the student cannot represent the teacher's map, and what it gets wrong depends "
            "on its inputs, of which theory knows the effect if they are Gaussian",
        )
    course = _with_velocity(noisy, best, setting, coupled=coupled)
    if running:
        note = (
            "the running estimate of the metric has settled on the noise covariance; while it "
            "settles, and in the pace by some per cent, the run may differ"
        )
        course = replace(course, note=note)
    return course


def adaptive_course(problem: Problem, setting: Setting, *, limited: bool) -> Course:
    """What theory says of a student of Adam or RMSProp (docs/adaptive.md)."""
    if limited:
        return Course(
            problem,
            reason=f"of {setting.name} theory speaks for students that can represent the teacher's "
            "map, in a metric that stands still",
        )
    if problem.x is not None and not _factors(problem):
        return Course(
            problem,
            reason=f"of {setting.name} theory speaks where residuals do not depend on inputs, and "
            "in these data they do (product_samples makes such as do not)",
        )
    solved = problem  # with its samples, whose third moments count
    if setting.sampling == "full":
        noise = problem.cov_noise if problem.fresh_noise is None else problem.fresh_noise
        solved = replace(problem, cov_noise=noise, x=None, y=None)
    if setting.sampling == "shuffle":
        push = epoch_push(solved, setting.memory, setting.batch)
        return Course(
            solved,
            partial(adaptive_velocity, solved, push=push, decay=setting.pull),
            ADAPTIVE_FLOW,
            "every epoch shows each sample once, and steps are divided by root mean squares of "
            "the gradient, of which the sum falls",
            adaptive=True,
        )
    return Course(
        solved,
        partial(adaptive_velocity, solved, memory=setting.memory, decay=setting.pull),
        ADAPTIVE_DRIFT,
        "noise is drawn independently in every step, and steps are divided by root mean squares "
        f"of the gradient, whose memory is {setting.memory:.3g} times as fast as a unit of their "
        "own fluctuations",
        adaptive=True,
    )


def _factors(problem: Problem) -> bool:
    """Whether the residuals of data and their inputs have independent second moments."""
    product = np.kron(problem.cov_noise, np.eye(problem.target.shape[1]))
    left = np.abs(problem.noise_moment - product).max()
    return bool(left <= _FACTORS * np.abs(product).max())


def _with_velocity(problem: Problem, best: Problem, setting: Setting, *, coupled: bool) -> Course:
    drift = partial(_drift, problem, coupled=coupled)
    if setting.independent:
        drawn = "a batch knows nothing of the one before"
        if not coupled and best.x is None and isotropic(best.cov_noise):
            return Course(
                best,
                partial(entropic_velocity, best),
                FLOW,
                f"{drawn}, and the label noise is equally strong in all directions of the loss's "
                "metric, so that the slow drift of independent samples is the entropic flow",
            )
        return Course(
            best,
            drift(best),
            DRIFT,
            f"samples are drawn independently, so that {drawn}",
            dense=coupled,
        )
    fresh = best.fresh_noise
    alone = None if fresh is None else drift(replace(best, cov_noise=fresh, x=None, y=None))
    if setting.sampling == "full":
        assert alone is not None  # without noise there is no path, which `why_none` says
        return Course(
            best,
            alone,
            DRIFT,
            "the only noise is that on the labels, which is drawn afresh in every step",
            dense=coupled,
        )
    data = best if fresh is None else _without(best)
    told = "every epoch shows each sample once, in a new order"
    if alone is None:
        return Course(best, _sum(data, setting.pace, None), FLOW, told)
    return Course(
        best,
        _sum(data, setting.pace, alone),
        f"{FLOW} and {DRIFT}",
        f"{told}, which gives the flow, while the noise on the labels is drawn afresh in every "
        "step, which gives a drift",
        dense=coupled,
    )


def _without(problem: Problem) -> Problem:
    """The problem without the fresh noise on its labels."""
    assert problem.fresh_noise is not None  # who asks has seen it
    noise = problem.cov_noise - problem.fresh_noise
    return replace(problem, cov_noise=noise, fresh_noise=None)


def _drift(problem: Problem, best: Problem, *, coupled: bool) -> Velocity:
    """Drift of independent noise; the flow where that is the same, and takes less."""
    if coupled:
        return partial(deficit_velocity, problem, best)
    if best.x is None and isotropic(best.cov_noise):
        return partial(entropic_velocity, best)
    return partial(drift_velocity, best)


def _sum(
    data: Problem, pace: float, drift: Callable[[list[Array]], list[Array]] | None
) -> Velocity:
    """Flow of the data, as fast as batches of an epoch let it be, and the drift of other noise."""

    def velocity(weights: list[Array]) -> list[Array]:
        flow = slowed(entropic_velocity(data, weights), pace)
        if drift is None:
            return flow
        return [a + b for a, b in zip(flow, drift(weights), strict=True)]

    return velocity


def _without_name(error: ConditionError) -> str:
    """What a condition asks for, without what it is called."""
    return str(error).removeprefix(f"{error.condition}: ")
