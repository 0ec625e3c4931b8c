"""A label without noise: sharpening that never ends, and what fresh samples make of it.

Two inputs and labels, the second label without noise. Where the signal does not mix the labels, the
largest eigenvalue grows as the square root of slow time, forever. With a signal at an angle and
fresh samples sharpening ends; in shuffled epochs, says theory, it would not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.teacher import Teacher
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.framework.scenario import Effort
from methexis.scenarios.sharpening.case import RISES, TOP, Case, Found, PathPoint
from methexis.scenarios.sharpening.cases.common import QUICK, balanced, times
from methexis.scenarios.sharpening.training import Online
from methexis.theory.curvature import minimum_spectrum
from methexis.theory.flow import entropic_velocity, integrate_slow

#: Deviations in σ of an exponent that are let pass.
_EXPONENT = 3.3


def _case(
    name: str,
    title: str,
    claim: str,
    weight: list[list[float]],
    seed: int,
    facts: Callable[[Found], list[Check]],
) -> Case:
    return Case(
        name=name,
        title=title,
        claim=claim,
        found="By hand: two inputs and labels, the second label without noise.",
        teacher=lambda: Teacher(weight, cov_noise=np.diag([1.0, 0.0])),
        students=lambda _: [EDLN(hidden=(2,))],
        start=balanced,
        training=Online(),
        slow_times=times(16.0, first=1.0 / 160.0),
        expected=(RISES, RISES),
        full=Effort(small=(0.09, 0.06, 0.04), replicas=32, powers=(0, 1, 2)),
        quick=QUICK,
        seed=seed,
        facts=facts,
    )


def log_slope(points: Sequence[PathPoint]) -> tuple[float, float, float]:
    """Exponent between the last two points: measured, its standard error, predicted.

    Both values come from the same replicas; as if they were independent, the error is an upper
    bound where they fluctuate together.
    """
    first, last = points[-2:]
    span = np.log(last.slow_time / first.slow_time)
    measured = np.log(last.measured / first.measured) / span
    error = np.hypot(last.error / last.measured, first.error / first.measured) / span
    return float(measured), float(error), float(np.log(last.predicted / first.predicted) / span)


def exponent(outcome: Found) -> list[Check]:
    """Exponent of the largest eigenvalue between the last two slow times, and its limit."""
    return [_at_the_end(outcome, 0.01, digits=4, limit="1/2")]


def _at_the_end(outcome: Found, allowed: float, *, digits: int, limit: str) -> Check:
    """The exponent against its prediction; a quick run may be off by ``allowed`` more."""
    measured, error, predicted = log_slope(outcome.of(TOP))
    return Check(
        "exponent of λ at the end",
        f"{measured:.{digits}f} ± {1.96 * error:.{digits}f}",
        f"{predicted:.{digits}f} ({limit} in the limit)",
        abs(measured - predicted) <= _EXPONENT * error + (allowed if outcome.quick else 0.0),
    )


def ends(outcome: Found) -> list[Check]:
    """Check that sharpening ends with fresh samples; theory says that it would not in epochs."""
    teacher = outcome.case.teacher()
    (student,) = outcome.case.students(teacher)
    problem = Problem.of(teacher, student)
    (start,) = outcome.case.start(teacher, [student])
    path = integrate_slow(
        problem,
        start,
        np.asarray(outcome.case.slow_times),
        lambda w: entropic_velocity(problem, w),
        rtol=1e-6,
    )
    shuffled = float(minimum_spectrum(problem, path.weights)[-1, -1])
    end = outcome.of(TOP)[-1]
    return [
        _at_the_end(outcome, 0.02, digits=3, limit="0"),
        Check(
            "λ at the end, against the path of shuffled epochs",
            f"{end.measured:.4g} ± {end.half:.2g}",
            f"below {shuffled:.4g}",
            end.measured + 3.0 * end.error < shuffled,
        ),
    ]


CASES = (
    _case(
        "noise-free",
        "A direction without noise",
        "Sharpening never ends where a label has no noise: the largest eigenvalue grows as the "
        "square root of slow time.",
        [[1.0, 0.0], [0.0, 1.0]],
        6000,
        exponent,
    ),
    _case(
        "noise-free-tilted",
        "A direction without noise, at an angle",
        "With fresh samples and a signal at an angle to the noise, sharpening ends after all.",
        [[1.0, 0.5], [0.0, 1.0]],
        7000,
        ends,
    ),
)
