"""Weight decay: a pull towards balanced weights that competes with the entropic force.

The dial is ``κ = γB/η``, decay in units in which it competes with the entropic force on slow time
(`theory.fixed_points.decay`). At ``κ → 0`` SGD ends at the Platonic point; at ``κ → ∞`` at balanced
weights, whose hidden layers depend on layer, embedding and view. In between theory says where, in
the limit ``η → 0`` at fixed κ, in which ``γ = κη/B`` vanishes too.

Three random problems, two inputs and labels, students of depths 2 and 3 in random embeddings and
views of condition 2.5: of teacher seeds 0 … 7 the three that fall farthest. One curve has even
noise, so that independent samples follow the entropic flow; the other has noise of condition
number 10, where the slow drift takes its place and misses the Platonic point even without decay.

At finite η the product of the layers is too small by a part of order ``κη/λ_min(H)``, up to a tenth
here. Weights are projected onto the minima at fixed charges, as everywhere; that leaves a
correction of order η in the kernels, which the extrapolation takes off. Runs start at random minima
(spread 0.15), which are neither Platonic nor balanced; one that is very steep makes a replica
diverge within a few hundred steps, and it is left out.
"""

from __future__ import annotations

from functools import cache

import methexis.init as initialisers
from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher
from methexis.scenarios.breaking.case import POWERS, Case
from methexis.scenarios.breaking.settled import settled_case
from methexis.scenarios.breaking.students import two_students
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario
from methexis.theory.fixed_points.decay import decay_fixed_point
from methexis.theory.fixed_points.drift import drift_fixed_point

#: Seeds of the teachers and of the students' embeddings and views.
PROBLEMS = (7, 1, 5)
STUDENT_CONDITION = 2.5
SPREAD = 0.15
UNEVEN = 10.0
FULL = Effort((0.13, 0.095, 0.07, 0.05, 0.036), 24, POWERS)
LOOK = Effort((0.13, 0.09), 16, POWERS, hurry=0.6, relative=0.15, absolute=1e-4)


@cache
def _problem(number: int, condition: float) -> tuple[Teacher, tuple[EDLN, ...]]:
    seed = PROBLEMS[number]
    teacher = Teacher.random(
        2, 2, condition=3.0, noise=0.3, condition_noise=condition, condition_x=2.0, seed=seed
    )
    students = two_students(teacher, seed=seed, condition=STUDENT_CONDITION)
    return teacher, students


def _even(number: int, decay: float) -> Case:
    teacher, students = _problem(number, 1.0)
    ends = [decay_fixed_point(teacher, s, decay=decay) for s in students]
    return settled_case(teacher, students, ends, initialisers.random_minima(SPREAD), decay=decay)


def _uneven(number: int, decay: float) -> Case:
    teacher, students = _problem(number, UNEVEN)
    ends = [drift_fixed_point(teacher, s, decay=decay) for s in students]
    return settled_case(teacher, students, ends, initialisers.random_minima(SPREAD), decay=decay)


SCENARIO = Scenario(
    name="weight-decay",
    title="Weight decay",
    claim="Weight decay pulls towards balanced weights, whose layers differ: alignment falls along "
    "κ = γB/η from the Platonic point to what balance leaves of it.",
    dial=Dial(
        "κ",
        "weight decay × batch size / learning rate",
        (0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
        least=0.0,
    ),
    problems=tuple(f"random problem, seed {seed}" for seed in PROBLEMS),
    curves=(
        Curve("even noise", _even, FULL, LOOK),
        Curve("uneven noise", _uneven, FULL, LOOK),
    ),
    limit="Exact as η → 0 at fixed κ, where the decay γ = κη/B vanishes too: measured at five "
    "learning rates and extrapolated.",
    seed=520_000,
)
