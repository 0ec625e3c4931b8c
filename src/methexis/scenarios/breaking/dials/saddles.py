"""Saddles: students that hold only some of the teacher's modes.

Neurons whose adjacent weights are both zero get no gradient, and SGD keeps them so exactly. A
student with ``k`` others sits on a saddle of the loss and settles on the ``k`` largest modes of ``V
Σx^{1/2}``; what it leaves out is noise to it. The dial is ``k``, up to the rank 5 of the teacher.
One curve sets such a student against one at full rank, the other against one of equal ``k``: they
align if they hold the same modes, and only then.

The residual of a saddle depends on the inputs, and the loss has a curvature term that the global
minima do not have. For closed forms and entropy nothing follows but more noise. For independent
samples the term couples first and last layer, and the slow drift must include its derivative
(`theory.deficit_fixed_point`); with even label noise that moves the end by little.

Three random problems, five inputs and labels, even noise (0.3 of the signal), students of depths 2
and 3, five neurons in each hidden layer, in random embeddings and views.

What quick runs allow for at a vanishing offset, 6e-4, is that ``ε²`` term itself: one learning rate
cannot tell it from an offset. In the full runs it was up to 4.6e-4 at the quick learning rate.
"""

from __future__ import annotations

from functools import cache

from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher
from methexis.scenarios.breaking.case import POWERS, Case
from methexis.scenarios.breaking.limited import limited
from methexis.scenarios.breaking.settled import WITHOUT
from methexis.scenarios.breaking.students import two_students
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario

#: Seeds of the teachers and of the students' embeddings and views.
PROBLEMS = (0, 1, 2)
STUDENT_CONDITION = 1.7
RANK = 5


@cache
def _problem(number: int) -> tuple[Teacher, tuple[EDLN, ...]]:
    seed = PROBLEMS[number]
    teacher = Teacher.random(RANK, RANK, condition=4.0, noise=0.3, condition_x=2.0, seed=seed)
    students = two_students(
        teacher, seed=seed, condition=STUDENT_CONDITION, hidden=((RANK,), (RANK, RANK))
    )
    return teacher, students


def _against_all(number: int, rank: float) -> Case:
    return limited(*_problem(number), ranks=(None, round(rank)))


def _alike(number: int, rank: float) -> Case:
    return limited(*_problem(number), ranks=(round(rank),) * 2, times=WITHOUT)


RANKS = tuple(float(k) for k in range(1, RANK + 1))
SCENARIO = Scenario(
    name="saddles",
    title="Saddles",
    claim="Students that hold the same modes of the teacher align, and those that hold different "
    "numbers of them only as far as their modes overlap.",
    dial=Dial(
        "k",
        "modes that a student holds, of 5",
        RANKS,
        scale="names",
        names=tuple(f"{k:g}" for k in RANKS),
        platonic=float(RANK),
    ),
    problems=tuple(f"random problem, seed {seed}" for seed in PROBLEMS),
    curves=(
        Curve(
            "one student at k",
            _against_all,
            Effort((0.18, 0.13, 0.09, 0.065, 0.047), 32, POWERS),
            quick=Effort((0.18,), 16, POWERS, relative=0.1, absolute=6e-4),
        ),
        Curve(
            "both students at k",
            _alike,
            Effort((0.16, 0.125, 0.1, 0.077, 0.06), 32, POWERS),
            quick=Effort((0.2,), 16, POWERS, absolute=3e-4),
        ),
    ),
    limit="Exact as η → 0: measured at five learning rates and extrapolated.",
    seed=570_000,
)
