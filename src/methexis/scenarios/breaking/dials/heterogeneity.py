"""Different data: students share some features, and each sees others that the other one does not.

The inputs are features ``c`` that both students see and private ones ``p`` and ``p'``, all
independent of each other. Labels are

    y = sqrt(1 - s) V_c c + sqrt(s/2) (V_p p + V_p' p') + ε,

each term before its factor of the same power, so that the *share* ``s`` of the labels' signal
comes from private features. At ``s = 0`` private features say nothing and all layers agree. At
``s = 1`` the two data sets have nothing to do with each other.

What a student does not see is noise to it. Its own target, input moment and noise follow by
regression on what it sees (`core.attainable`), and since inputs are Gaussian its data are exactly
of the theorem's kind. That noise is uneven, whatever ``Σε`` is, so that independent samples end at
the slow drift's fixed point. As a control, two other students both see ``c`` and ``p``: they agree
for every ``s`` up to the offset that uneven noise makes. Alignment is measured on the joint
distribution of all inputs: a kernel is a function of the whole ``(c, p, p')``, in which a student
is blind to some.

The control's offset is small, at most 0.0044, so that it is measured at smaller learning rates.
Label maps of condition 6, and of teacher seeds 0 … 11 the three with the largest offset at ``s =
0.5``, make it no smaller. A first design, with maps of condition 3 and seeds 1, 2, 3, agreed (χ²
10.6 for 15 points and 20.6 for 18), but its control would have noticed errors of 1 - A from 17 %
only.

Three random problems, two labels, two features of each kind, even label noise (0.3 of the signal),
students of depths 2 and 3 in random embeddings and views of what they see.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.linalg import random_conditioned, random_covariance
from methexis.core.teacher import Teacher
from methexis.scenarios.breaking.case import POWERS, Case
from methexis.scenarios.breaking.limited import limited
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario

#: Seeds of the teachers and of the students' embeddings and views.
PROBLEMS = (0, 2, 4)
STUDENT_CONDITION = 1.7
FEATURES = 2
NOISE = 0.3
LABEL_CONDITION = 6.0


def _eyes(others: tuple[int, ...], generator: np.random.Generator) -> Array:
    """Random view of the common features and those of the given kinds."""
    kinds = np.eye(3)[[0, *others]]
    seen = np.kron(kinds, np.eye(FEATURES))
    return random_conditioned(len(seen), STUDENT_CONDITION, generator) @ seen


@cache
def _problem(number: int, share: float, same: bool) -> tuple[Teacher, tuple[EDLN, ...]]:
    seed = PROBLEMS[number]
    generator = np.random.default_rng(seed)
    cov_x = np.zeros((3 * FEATURES,) * 2)
    maps = []
    for kind, power in enumerate((1.0 - share, share / 2.0, share / 2.0)):
        block = slice(kind * FEATURES, (kind + 1) * FEATURES)
        cov_x[block, block] = random_covariance(FEATURES, 2.0, generator)
        weight = random_conditioned(FEATURES, LABEL_CONDITION, generator)
        signal = float(np.trace(weight @ cov_x[block, block] @ weight.T))
        maps.append(weight * np.sqrt(power / signal))
    teacher = Teacher(np.hstack(maps), cov_x, NOISE / FEATURES * np.eye(FEATURES))
    students = []
    for other, hidden in ((1, (2,)), (1 if same else 2, (3, 2))):
        view = _eyes((other,), generator)
        embed_in = random_conditioned(len(view), STUDENT_CONDITION, generator)
        embed_out = random_conditioned(FEATURES, STUDENT_CONDITION, generator)
        students.append(EDLN(hidden, embed_in, embed_out, view))
    return teacher, tuple(students)


def _case(same: bool, number: int, share: float) -> Case:
    return limited(*_problem(number, share, same))


SCENARIO = Scenario(
    name="heterogeneity",
    title="Different data",
    claim="What a student cannot see is noise to it: alignment falls with the share of the labels "
    "that comes from private features, to nothing where the data are unrelated.",
    dial=Dial(
        "s",
        "share of the labels' signal that comes from private features",
        (0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
        scale="linear",
        least=0.0,
        most=1.0,
        platonic=0.0,
    ),
    problems=tuple(f"random problem, seed {seed}" for seed in PROBLEMS),
    curves=(
        Curve(
            "own private features",
            partial(_case, False),
            Effort((0.2, 0.14, 0.1, 0.07, 0.05), 24, POWERS),
            quick=Effort((0.2,), 16, POWERS, relative=0.1, absolute=1e-4),
        ),
        Curve(
            "the same private features",
            partial(_case, True),
            Effort((0.08, 0.056, 0.04, 0.028, 0.02), 48, POWERS),
            quick=Effort((0.2,), 16, POWERS, relative=0.1, absolute=2e-3),
        ),
    ),
    limit="Exact as η → 0: measured at five learning rates and extrapolated.",
    seed=640_000,
    note="Alignment is that of kernels as functions of all inputs, over their joint distribution.",
)
