"""How long a path on slow time takes to follow, told or refused before any of it is followed.

Every velocity along the minima eliminates in the space of the predictor, whose entries are outputs
times inputs: the cube of that number, and for the drift its eigenvectors, which take twelve times
as long. The drift of a student of three thousand parameters takes minutes so, of one of twelve
thousand hours. An estimate from sizes and no clock, so that equal calls are refused alike on any
machine; it is right to a factor of five where rates are not far apart, and too low where they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from methexis.core.problem import Problem
from methexis.errors import MethexisError
from methexis.progress import Progress, Report, choose

#: Velocities along a path, and multiply-adds per second.
EVALUATIONS, SPEED = 400.0, 8e9
#: Seconds of a velocity whatever its sizes.
CALL = 1e-4
#: Multiply-adds per cube of the predictor's entries: an elimination, or all eigenvectors.
_ELIMINATED, _DECOMPOSED = 0.5, 6.0
#: Seconds from which on it is said how long a path takes, and that it may take if nothing is said.
LONG, PATIENCE = 30.0, 3600.0

_LOG = logging.getLogger("methexis")


def entries(problem: Problem) -> tuple[int, float]:
    """Entries of the predictor, and multiply-adds of one pass through the network."""
    rows, columns = problem.target.shape
    return rows * columns, 20.0 * problem.num_parameters * max(rows, columns)


def velocity_work(problem: Problem, *, spectral: bool) -> float:
    """Multiply-adds of one velocity; `spectral` if it takes eigenvectors, as the drift does."""
    size, product = entries(problem)
    rows = 0 if problem.x is None else len(problem.x)
    moments = rows * 10.0 * problem.num_parameters
    if spectral:
        return _DECOMPOSED * float(size) ** 3 + size * product + moments
    return _ELIMINATED * float(size) ** 3 + product + moments


def seconds_of_path(problem: Problem, replicas: int, *, spectral: bool) -> float:
    """Estimated seconds to follow so many replicas on one core.

    Examples
    --------
    >>> from methexis.core.problem import theory_problem
    >>> from methexis import EDLN, Teacher
    >>> import numpy as np
    >>> problem = theory_problem(Teacher(np.eye(32)), EDLN(hidden=(32, 32)), "squared")
    >>> flow, drift = (seconds_of_path(problem, 1, spectral=both) for both in (False, True))
    >>> round(drift / flow)
    16
    """
    one = CALL + velocity_work(problem, spectral=spectral) / SPEED
    return replicas * EVALUATIONS * one


def started(
    what: str,
    seconds: float,
    *,
    patience: float,
    progress: Progress | str | bool | None,
    steps: int,
    span: float,
) -> Callable[[float], None] | None:
    """Tell how long a path takes, and return what watches its slow times for `progress`.

    Where there is no `progress` and it takes more than half a minute, a warning of the logger
    ``methexis`` says so.

    Raises
    ------
    MethexisError
        If it takes longer than `patience`, or `progress` is none.
    """
    show = None if progress is None else choose(progress)
    if seconds > patience:
        raise MethexisError(
            f"{what}: expected a path that takes at most patience = {patience:g} s to follow, got "
            f"an estimate of {seconds:.2g} s on one core; follow fewer replicas, take a student "
            "with fewer outputs times inputs, whose cube it goes with, or set patience"
        )
    if show is None:
        if seconds > LONG:
            _LOG.warning("%s: about %.0f seconds on one core", what, seconds)
        return None
    tell: Progress = show
    latest = 0

    def watch(time: float) -> None:
        nonlocal latest
        if 0.0 <= time <= span and span > 0.0:  # a step that is taken back is no way back
            latest = max(latest, int(steps * time / span))
            tell(Report(latest, steps, float("nan")))

    return watch
