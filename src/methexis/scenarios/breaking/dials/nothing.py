"""What does not break it: two students that differ in one thing, and in everything at once.

The other direction of the claim. With even noise and independent samples theory predicts perfect
alignment whatever the students' views, embeddings, depths, widths and starts, whether or not they
see the same samples, and for labels that are turned and scaled. The dial is the kind of difference;
its prediction is always 1.

Three random problems, two inputs and labels. Where nothing else is said, a student has two hidden
layers of width 2, identity embeddings and sees the inputs as they are; random maps have condition
number 2.5. Every replica of every student starts at a random minimum of its own (spread 0.15), so
that starts always differ; under ``starts`` nothing else does. Where such a minimum is very steep a
replica diverges within a few hundred steps and is left out; starts are forgotten by the time of the
first snapshot, so which of them survived does not matter. In a first design, with learning rates up
to 0.16/λ_max, all points agreed as well (χ² = 22.3 for 24).
"""

from __future__ import annotations

import numpy as np

import methexis.init as initialisers
from methexis.core.edln import EDLN
from methexis.core.linalg import random_conditioned, random_orthogonal
from methexis.core.teacher import Teacher
from methexis.core.view import View
from methexis.scenarios.breaking.case import POWERS, Case
from methexis.scenarios.breaking.settled import WITHOUT, settled_case
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario
from methexis.theory.fixed_points.decay import decay_fixed_point

#: Seeds of the teachers; the students' maps add an offset to them.
PROBLEMS = (1, 2, 3)
STUDENT_SEED = 700
CONDITION = 2.5
SPREAD = 0.15
#: The turned labels of one student are also this much larger.
LABEL_SCALE = 1.5

KINDS = (
    "starts",
    "own samples",
    "views",
    "embeddings",
    "depths",
    "widths",
    "turned labels",
    "all of these",
)


def _students(kind: str, seed: int) -> tuple[EDLN, EDLN]:
    """The plain student and the other one."""
    generator = np.random.default_rng(STUDENT_SEED + seed)
    view, embed_in, embed_out = (random_conditioned(2, CONDITION, generator) for _ in range(3))
    turned = LABEL_SCALE * random_orthogonal(2, generator)
    every = kind == "all of these"
    hidden = {"depths": (2, 2, 2), "widths": (4, 3), "all of these": (4, 2, 3)}.get(kind, (2, 2))
    other = EDLN(
        hidden,
        embed_in if every or kind == "embeddings" else None,
        embed_out if every or kind == "embeddings" else None,
        View(
            view if every or kind == "views" else None,
            label_matrix=turned if every or kind == "turned labels" else None,
        ),
    )
    return EDLN((2, 2)), other


def _case(number: int, value: float) -> Case:
    seed, kind = PROBLEMS[number], KINDS[int(value)]
    teacher = Teacher.random(2, 2, condition=3.0, noise=0.3, condition_x=2.0, seed=seed)
    students = _students(kind, seed)
    ends = [decay_fixed_point(teacher, s, decay=0.0) for s in students]
    return settled_case(
        teacher,
        students,
        ends,
        initialisers.random_minima(SPREAD),
        times=WITHOUT,
        paired=kind not in ("own samples", "all of these"),
    )


SCENARIO = Scenario(
    name="nothing",
    title="What does not break it",
    claim="Views, embeddings, depths, widths, starts, own samples and turned labels do not matter: "
    "all hidden layers end with one kernel.",
    dial=Dial(
        "difference",
        "what differs between the students",
        tuple(float(i) for i in range(len(KINDS))),
        scale="names",
        names=KINDS,
    ),
    problems=tuple(f"random problem, seed {seed}" for seed in PROBLEMS),
    curves=(
        Curve(
            "i.i.d.",
            _case,
            Effort((0.13, 0.105, 0.085, 0.07, 0.057), 32, POWERS),
            quick=Effort((0.13,), 16, POWERS, absolute=3e-4),
        ),
    ),
    limit="Exact as η → 0: measured at five learning rates and extrapolated.",
    seed=550_000,
)
