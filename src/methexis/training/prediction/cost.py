"""How long it takes to follow a path, estimated from sizes before any of it is followed.

The constants are typical of timings of one core, of students with 26 to 1064 parameters along paths
of 44 to 390 evaluations: right to a factor of five there, which is enough to tell a second from an
hour. A path whose rates are far apart takes ten times as many evaluations and more, which sizes do
not tell. Then the estimate is too low: to refuse what takes a second is worse than to take longer
than was said, because the latter shows its progress. An estimate and no clock, so that equal calls
are refused alike on any machine.
"""

from __future__ import annotations

from methexis.core.problem import Problem
from methexis.theory.effort import (
    CALL,
    EVALUATIONS,
    SPEED,
    adaptive_work,
    entries,
    solve_work,
    velocity_work,
)
from methexis.theory.projection import EXPLICIT_FIRST
from methexis.training.prediction.course import ADAPTIVE_DRIFT, FLOW, Course

#: Seconds of taking one replica to the minima, whatever its sizes.
_LANDING = 0.1
#: On the way to the minima: eliminations of predictors, and of weights, which a flow needs only
#: where it is stiff; products of the Hessian.
_SOLVES, _STIFF_SOLVES, _PRODUCTS = 200.0, 2.0, 3_000.0


def seconds_of(course: Course, replicas: int) -> float:
    """Estimated seconds to follow so many replicas of one student on one core."""
    if course.velocity is None:
        return 0.0
    problem = course.problem
    one = CALL + _work_of_velocity(course) / SPEED
    landing = _LANDING + _work_of_landing(problem) / SPEED
    return replicas * (EVALUATIONS * one + landing)


def _work_of_velocity(course: Course) -> float:
    if course.dense:
        return 30.0 * float(course.problem.num_parameters) ** 3
    if course.adaptive:
        return adaptive_work(course.problem, drifting=course.name == ADAPTIVE_DRIFT)
    return velocity_work(course.problem, spectral=course.name != FLOW)


def _work_of_landing(problem: Problem) -> float:
    _, product = entries(problem)
    parameters = float(problem.num_parameters)
    dense = parameters <= EXPLICIT_FIRST
    flow = _STIFF_SOLVES * parameters**3 if dense else _PRODUCTS * product
    return _SOLVES * solve_work(problem) + flow
