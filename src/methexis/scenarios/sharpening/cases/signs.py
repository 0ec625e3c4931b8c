"""Trace and largest eigenvalue in all four combinations of signs, found by closed forms alone.

The family has one input, three labels and one hidden layer of two neurons. For every seed, noise
isotropic or of condition number 30, and each of three starts, closed forms give trace and largest
eigenvalue at the start and at the Platonic point. Of each of the four combinations of signs the
problem is taken in which the smaller of both changes is largest, changes by more than a factor of
``e`` left out. Nothing was trained to choose them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher
from methexis.scenarios.sharpening.case import FALLS, RISES, Case
from methexis.scenarios.sharpening.cases.common import FULL, QUICK, flattest, times
from methexis.scenarios.sharpening.training import Online
from methexis.theory.curvature import hessian_trace, sharpness
from methexis.theory.gauge import balanced_minimum, random_minimum
from methexis.theory.platonic import platonic

NUM_SEEDS = 120
CONDITIONS = (1.0, 30.0)
STARTS = ("balanced", "flat", "random")
#: Largest change of a logarithm.
_MOST = 1.0
#: Width of the law of random starts.
_SPREAD = 0.3


@dataclass(frozen=True)
class Member:
    """A problem of the family with its start."""

    seed: int
    condition: float
    start: str

    def teacher(self) -> Teacher:
        """The teacher, with one input and three labels."""
        return Teacher.random(1, 3, condition_noise=self.condition, seed=self.seed)

    def students(self, teacher: Teacher) -> list[EDLN]:
        """One hidden layer of two neurons."""
        del teacher
        return [EDLN(hidden=(2,))]

    def weights(self, teacher: Teacher, student: EDLN) -> list[Array]:
        """The weights from which training starts.

        ``flat`` is the minimum of least trace: the Platonic point of the same problem with noise of
        equal strength in all directions.
        """
        if self.start == "balanced":
            return balanced_minimum(teacher, student)
        if self.start == "flat":
            return flattest(teacher, student)
        return random_minimum(teacher, student, seed=self.seed, spread=_SPREAD)

    def changes(self) -> tuple[float, float]:
        """Changes of the logarithms of trace and largest eigenvalue, from start to Plato."""
        teacher = self.teacher()
        (student,) = self.students(teacher)
        start, end = self.weights(teacher, student), platonic(teacher, student)
        return (
            float(np.log(end.hessian_trace / hessian_trace(teacher, student, start))),
            float(np.log(end.sharpness / sharpness(teacher, student, start))),
        )


def members() -> list[tuple[Member, tuple[float, float]]]:
    """All members of the family with their changes."""
    family = []
    for seed in range(NUM_SEEDS):
        for condition in CONDITIONS:
            for start in STARTS:
                member = Member(seed, condition, start)
                family.append((member, member.changes()))
    return family


def best(
    family: list[tuple[Member, tuple[float, float]]], *, trace_rises: bool, top_rises: bool
) -> Member:
    """The member whose changes have these signs and whose smaller change is largest."""
    fitting = [
        (min(abs(t), abs(s)), member)
        for member, (t, s) in family
        if (t > 0) == trace_rises and (s > 0) == top_rises and max(abs(t), abs(s)) <= _MOST
    ]
    return max(fitting, key=lambda pair: pair[0])[1]


_SEARCH = (
    "By closed forms alone: of 720 problems (120 seeds, two noises, three starts) the one with "
    "these signs whose smaller change is largest, at most a factor of e."
)


def _case(
    name: str, title: str, member: Member, last: float, expected: tuple[str, str], seed: int
) -> Case:
    trace, top = (
        f"{what} {how}" for what, how in zip(("trace", "largest eigenvalue"), expected, strict=True)
    )
    joint = "and" if expected[0] == expected[1] else "while"
    return Case(
        name=name,
        title=title,
        claim=f"From a {member.start} start the {trace} {joint} the {top}.",
        found=_SEARCH,
        teacher=member.teacher,
        students=member.students,
        start=lambda teacher, students: [member.weights(teacher, s) for s in students],
        training=Online(),
        slow_times=times(last),
        expected=expected,
        full=FULL,
        quick=QUICK,
        seed=seed,
    )


CASES = (
    _case(
        "trace-down-top-up",
        "Trace down, largest eigenvalue up",
        Member(38, 30.0, "random"),
        6.0,
        (FALLS, RISES),
        1000,
    ),
    _case("both-up", "Both up", Member(46, 30.0, "flat"), 8.0, (RISES, RISES), 2000),
    _case("both-down", "Both down", Member(14, 30.0, "random"), 16.0, (FALLS, FALLS), 3000),
    _case(
        "trace-up-top-down",
        "Trace up, largest eigenvalue down",
        Member(67, 30.0, "flat"),
        1.0,
        (RISES, FALLS),
        4000,
    ),
)
