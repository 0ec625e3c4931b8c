"""PASS or FAIL of a case: nothing lost, the expected directions, every path, and its own facts.

A path is judged by its largest deviation among all slow times of all students, at a level that
allows for their number (Bonferroni). Points of one path share their replicas, and so a sum of their
squares would have no known law; the largest deviation needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methexis.scenarios.framework.judging import FALSE_ALARM, largest
from methexis.scenarios.sharpening.curvature import TOP, TRACE
from methexis.scenarios.sharpening.measure import Found, Point

#: Standard errors by which a change must exceed zero.
CLEAR = 3.0
WORDS = {
    "trace": "trace",
    "top": "largest eigenvalue",
    "batch": "batch sharpness",
    "alignment": "alignment of the worst pair",
}


@dataclass(frozen=True)
class Check:
    """One statement with what was found and what was expected."""

    name: str
    found: str
    expected: str
    passed: bool


@dataclass(frozen=True)
class PathVerdict:
    """The largest deviation of one quantity.

    Attributes
    ----------
    largest : float
        In standard deviations, with its sign.
    p_value : float
        Probability of one as large among so many.
    """

    quantity: str
    largest: float
    p_value: float
    num_points: int

    @property
    def agrees(self) -> bool:
        """Whether it is not too improbable."""
        return self.p_value >= FALSE_ALARM


def judge_path(quantity: str, points: Sequence[Point]) -> PathVerdict:
    """Judge all points of one quantity."""
    return PathVerdict(quantity, *largest([p.deviation for p in points]), len(points))


def judge(found: Found) -> tuple[Check, ...]:
    """All checks of a case but its own facts."""
    checks = [Check("lost replicas", str(found.lost), "none", found.lost == 0)]
    for quantity, expected in zip((TRACE, TOP), found.case.expected, strict=True):
        for student in range(found.num_students(quantity)):
            checks.append(_direction(found, quantity, student, expected))
    for quantity in found.quantities:
        path = judge_path(quantity, [p for p in found.points if p.quantity == quantity])
        checks.append(
            Check(
                f"{WORDS[quantity]}: path",
                f"largest deviation {path.largest:+.2f} σ (p {path.p_value:.2g})",
                f"p >= {FALSE_ALARM} among {path.num_points} points",
                path.agrees,
            )
        )
    return tuple(checks)


def _direction(found: Found, quantity: str, student: int, expected: str) -> Check:
    """From the start, which is known, to the last slow time."""
    start = float(found.start[quantity][student])
    end = found.of(quantity, student)[-1]
    sign = {"rises": 1.0, "falls": -1.0}[expected]
    which = f", student {student + 1}" if found.num_students(quantity) > 1 else ""
    return Check(
        f"{WORDS[quantity]}{which}: {expected}",
        f"{start:.4g} to {end.measured:.4g} ± {end.half:.2g}",
        f"{end.predicted:.4g}",
        bool(sign * (end.measured - start) > CLEAR * end.error),
    )


def log_slope(points: Sequence[Point]) -> tuple[float, float, float]:
    """Exponent between the last two points: measured, its standard error, predicted.

    Both values come from the same replicas; as if they were independent, the error is an upper
    bound where they fluctuate together.
    """
    first, last = points[-2:]
    span = np.log(last.slow_time / first.slow_time)
    measured = np.log(last.measured / first.measured) / span
    error = np.hypot(last.error / last.measured, first.error / first.measured) / span
    return float(measured), float(error), float(np.log(last.predicted / first.predicted) / span)
