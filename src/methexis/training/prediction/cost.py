"""How long it takes to follow a path, estimated from sizes before any of it is followed.

The constants were fitted to timings of one core, of 8 replicas of 6 labels and 8 inputs, along
paths of 130 to 2000 evaluations; elsewhere they are right to a factor of a few, which is enough to
tell a second from an hour. An estimate and no clock, so that equal calls are refused alike on any
machine.
"""

from __future__ import annotations

from methexis.core.problem import Problem
from methexis.theory.curvature import MAX_DENSE_PARAMETERS
from methexis.training.prediction.course import FLOW, Course

#: Velocities along a path, and multiply-adds per second.
_EVALUATIONS, _SPEED = 2_000.0, 8e9
#: Seconds of a velocity whatever its sizes, and of taking one replica to the minima.
_CALL, _LANDING = 1e-4, 0.3
#: Eliminations, and products of the Hessian, on the way to the minima.
_SOLVES, _PRODUCTS = 100.0, 3_000.0


def seconds_of(course: Course, replicas: int) -> float:
    """Estimated seconds to follow so many replicas of one student on one core."""
    if course.velocity is None:
        return 0.0
    problem = course.problem
    one = _CALL + _work_of_velocity(course) / _SPEED
    landing = _LANDING + _work_of_landing(problem) / _SPEED
    return replicas * (_EVALUATIONS * one + landing)


def _entries(problem: Problem) -> tuple[int, float]:
    """Entries of the predictor, and multiply-adds of one pass through the network."""
    rows, columns = problem.target.shape
    return rows * columns, 20.0 * problem.num_parameters * max(rows, columns)


def _work_of_velocity(course: Course) -> float:
    size, product = _entries(course.problem)
    rows = 0 if course.problem.x is None else len(course.problem.x)
    moments = rows * 10.0 * course.problem.num_parameters
    if course.dense:
        return 30.0 * float(course.problem.num_parameters) ** 3
    if course.name == FLOW:
        return 2.0 * size**3 + product + moments
    return 30.0 * size**3 + size * product + moments


def _work_of_landing(problem: Problem) -> float:
    size, product = _entries(problem)
    parameters = float(problem.num_parameters)
    flow = _SOLVES * parameters**3 if parameters <= MAX_DENSE_PARAMETERS else _PRODUCTS * product
    return _SOLVES * float(size) ** 3 + flow
