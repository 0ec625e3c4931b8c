"""PASS or FAIL of a case: nothing lost, the expected directions, every path, and its own facts.

A path is judged by its largest deviation among all slow times of all students, at a level that
allows for their number (Bonferroni). Points of one path share their replicas, and so a sum of their
squares would have no known law; the largest deviation needs none.
"""

from __future__ import annotations

from dataclasses import dataclass

from methexis.scenarios.framework.judging import FALSE_ALARM, Check, Verdict
from methexis.scenarios.sharpening.case import (
    ALIGNMENT,
    BATCH,
    FALLS,
    RISES,
    TOP,
    TRACE,
    Found,
    PathPoint,
)

#: Standard errors by which a change must exceed zero.
CLEAR = 3.0
WORDS = {
    TRACE: "trace",
    TOP: "largest eigenvalue",
    BATCH: "batch sharpness",
    ALIGNMENT: "alignment of the worst pair",
}


@dataclass(frozen=True)
class PathVerdict(Verdict[PathPoint]):
    """What follows from all points of one quantity."""

    @property
    def p_values(self) -> tuple[float, ...]:
        """The p-value of the only test, that of the largest deviation."""
        return (self.largest_p,)


def judge(outcome: Found) -> tuple[Check, ...]:
    """All checks of a case but its own facts."""
    checks = [Check("lost replicas", str(outcome.lost), "none", outcome.lost == 0)]
    for quantity, expected in zip((TRACE, TOP), outcome.case.expected, strict=True):
        for student in range(outcome.num_students(quantity)):
            checks.append(_direction(outcome, quantity, student, expected))
    for quantity in outcome.quantities:
        path = PathVerdict(quantity, tuple(p for p in outcome.points if p.quantity == quantity))
        checks.append(
            Check(
                f"{WORDS[quantity]}: path",
                f"largest deviation {path.largest:+.2f} σ (p {path.largest_p:.2g})",
                f"p >= {FALSE_ALARM} among {len(path.points)} points",
                path.agrees,
            )
        )
    return tuple(checks)


def _direction(outcome: Found, quantity: str, student: int, expected: str) -> Check:
    """Check the direction from the start, which is known, to the last slow time."""
    start = float(outcome.start[quantity][student])
    end = outcome.of(quantity, student)[-1]
    sign = {RISES: 1.0, FALLS: -1.0}[expected]
    which = f", student {student + 1}" if outcome.num_students(quantity) > 1 else ""
    return Check(
        f"{WORDS[quantity]}{which}: {expected}",
        f"{start:.4g} to {end.measured:.4g} ± {end.half:.2g}",
        f"{end.predicted:.4g}",
        bool(sign * (end.measured - start) > CLEAR * end.error),
    )
