"""How long a path on slow time takes to follow, told or refused before any of it is followed.

A velocity along the minima inverts ``J Jᵀ``, whose rows are the outputs times the inputs. Of small
students it is eliminated, or decomposed for the drift, with the cube of that number; of others it
is inverted by some dozens of products with one matrix of outputs and inputs
(`theory.dual.kronecker`), and for the drift by some with a table of the square of that number
(`theory.dual.fluctuations`). The flow of a student of fifty thousand parameters so takes seconds,
the drift of one of twelve thousand an hour. An estimate from sizes and no clock, so that equal
calls are refused alike on any machine; it is right to a factor of five where rates are not far
apart, and too low where they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from methexis.core.parallel.memory import require_room
from methexis.core.problem import Problem
from methexis.errors import MethexisError
from methexis.progress import Progress, Report, choose
from methexis.theory.dual.fluctuations import WITHOUT_SPECTRUM
from methexis.theory.dual.normal import formed

#: Velocities along a path, and multiply-adds per second.
EVALUATIONS, SPEED = 400.0, 8e9
#: Seconds of a velocity whatever its sizes.
CALL = 1e-4
#: Multiply-adds per cube of the predictor's entries: an elimination, or all eigenvectors and the
#: table of fluctuations in them; per cube of outputs or inputs, eigenvectors and a few products.
_ELIMINATED, _DECOMPOSED, _EIGENVECTORS = 0.5, 3.0, 20.0
#: Products of conjugate gradients: with one matrix, and with a table of fluctuations.
_PRODUCTS, _SEARCHED = 25.0, 8.0
#: Seconds from which on it is said how long a path takes, and that it may take if nothing is said.
LONG, PATIENCE = 30.0, 3600.0

_LOG = logging.getLogger("methexis")


def entries(problem: Problem) -> tuple[int, float]:
    """Entries of the predictor, and multiply-adds of one pass through the network."""
    rows, columns = problem.target.shape
    return rows * columns, 20.0 * problem.num_parameters * max(rows, columns)


def solve_work(problem: Problem) -> float:
    """Multiply-adds of inverting ``J Jᵀ`` once."""
    size, _ = entries(problem)
    if formed(problem):
        return _ELIMINATED * float(size) ** 3
    rows, columns = problem.target.shape
    turned = _EIGENVECTORS * (float(rows) ** 3 + float(columns) ** 3)
    return _PRODUCTS * problem.depth * size * float(rows + columns) + turned


def velocity_work(problem: Problem, *, spectral: bool) -> float:
    """Multiply-adds of one velocity; `spectral` if it takes a drift, and not the flow alone."""
    size, product = entries(problem)
    samples = 0 if problem.x is None else len(problem.x)
    moments = samples * 10.0 * problem.num_parameters
    fluctuating = 0.0
    if spectral and size < WITHOUT_SPECTRUM:
        fluctuating = _DECOMPOSED * float(size) ** 3
    elif spectral:
        sides = float(sum(problem.target.shape))
        fluctuating = _SEARCHED * problem.depth * sides * float(size) ** 2
    return fluctuating + solve_work(problem) + product + moments


def adaptive_work(problem: Problem, *, drifting: bool) -> float:
    """Multiply-adds of one velocity of adaptive rules; a drift takes every mode along."""
    if not drifting:
        return velocity_work(problem, spectral=False)
    size, product = entries(problem)
    return 2.0 * _DECOMPOSED * float(size) ** 3 + size * product + solve_work(problem)


def require_spectral(problem: Problem) -> None:
    """See that a drift can hold the modes of one replica, with a direction for each.

    Raises
    ------
    MethexisError
        If not.
    """
    rows, columns = problem.target.shape
    size = rows * columns
    require_room(
        "adaptive drift",
        8 * size * (6 * size + 8 * problem.num_parameters),
        f"{size:,} modes of {rows} x {columns} outputs times inputs, each with a direction in "
        f"{problem.num_parameters:,} parameters",
        "take a student with fewer outputs or inputs, or shuffled epochs (adaptive_flow), which "
        "need none",
    )


def seconds_of_path(problem: Problem, replicas: int, *, spectral: bool) -> float:
    """Estimated seconds to follow so many replicas on one core.

    Examples
    --------
    >>> from methexis.core.problem import theory_problem
    >>> from methexis import EDLN, Teacher
    >>> import numpy as np
    >>> problem = theory_problem(Teacher(np.eye(64)), EDLN(hidden=(64, 64)), "squared")
    >>> flow, drift = (seconds_of_path(problem, 1, spectral=both) for both in (False, True))
    >>> round(drift / flow, -2)
    800.0
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
    watch = watching(progress, steps, span)
    if seconds > patience:
        raise MethexisError(
            f"{what}: expected a path that takes at most patience = {patience:g} s to follow, got "
            f"an estimate of {seconds:.2g} s on one core; follow fewer replicas, take a student "
            "with fewer outputs and inputs, or set patience"
        )
    if watch is None and seconds > LONG:
        _LOG.warning("%s: about %.0f seconds on one core", what, seconds)
    return watch


def watching(
    progress: Progress | str | bool | None, steps: int, span: float
) -> Callable[[float], None] | None:
    """What shows slow times up to ``span`` as so many steps; None where there is no `progress`.

    Raises
    ------
    MethexisError
        If `progress` is none.
    """
    if progress is None:
        return None
    show = choose(progress)
    latest = 0

    def watch(time: float) -> None:
        nonlocal latest
        if 0.0 <= time <= span and span > 0.0:  # a step that is taken back is no way back
            latest = max(latest, int(steps * time / span))
            show(Report(latest, steps, float("nan")))

    return watch
