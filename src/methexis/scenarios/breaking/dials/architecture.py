"""Architecture: layers too narrow for the teacher, and embeddings that are not invertible.

The dial is the number of dimensions, of the teacher's 5, that one student loses. It loses them in
one of three places, and each makes it learn another map:

- *narrow layers*: all hidden widths ``k = 5 - m``. The ``k`` largest modes of ``V Σx^{1/2}``, as at
  a saddle, but here there is no way down;
- *input embedding* of rank ``5 - m``: the regression of ``y`` on ``M_I x``, of which the rest is
  noise;
- *output embedding* of rank ``5 - m``: ``Π V`` with the projector on its range. The rest of the
  labels is out of reach, and no gradient knows of it.

The other student loses nothing. A fourth curve narrows both: students of equal widths align. One
dial serves all curves since it counts the same thing; rank and dimensions are whole numbers, so the
axis shows them as kinds.

Quick runs leave the last value out, where a run is longest.

Three random problems, five inputs and labels, even noise (0.5 of the signal), students of depths 2
and 3 in random embeddings and views.

What quick runs allow for at a vanishing offset, 6e-4, is that ``ε²`` term itself: one learning rate
cannot tell it from an offset. In the full runs it was up to 4.6e-4 at the quick learning rate.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from methexis.core.edln import EDLN
from methexis.core.linalg import random_conditioned
from methexis.core.teacher import Teacher
from methexis.scenarios.breaking.case import POWERS, Case
from methexis.scenarios.breaking.limited import limited
from methexis.scenarios.breaking.settled import WITHOUT
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario

#: Seeds of the teachers and of the students' embeddings and views.
PROBLEMS = (3, 4, 5)
STUDENT_CONDITION = 1.7
RANK = 5
LOST = tuple(float(m) for m in range(RANK))
QUICK = LOST[:-1]
PLACES = ("narrow layers", "input embedding", "output embedding", "both narrow")


@cache
def _teacher(number: int) -> Teacher:
    return Teacher.random(
        RANK, RANK, condition=3.0, noise=0.5, condition_x=2.0, seed=PROBLEMS[number]
    )


@cache
def _student(number: int, depth: int, place: str, lost: int) -> EDLN:
    """A student that loses dimensions in one place; where it loses none, the same for all."""
    generator = np.random.default_rng([PROBLEMS[number], depth])
    embed_in, embed_out, view = (
        random_conditioned(RANK, STUDENT_CONDITION, generator) for _ in range(3)
    )
    left = RANK - lost
    hidden = (left if place == "narrow layers" else RANK,) * (depth - 1)
    if place == "input embedding":
        embed_in = embed_in[:left]
    if place == "output embedding":
        embed_out = embed_out[:, :left]
    return EDLN(hidden, embed_in, embed_out, view)


def _against_whole(place: str, number: int, lost: float) -> Case:
    whole = _student(number, 2, "nowhere", 0)
    return limited(_teacher(number), (whole, _student(number, 3, place, round(lost))))


def _both(number: int, lost: float) -> Case:
    students = tuple(_student(number, depth, PLACES[0], round(lost)) for depth in (2, 3))
    return limited(_teacher(number), students, times=WITHOUT)


SCENARIO = Scenario(
    name="architecture",
    title="Architecture",
    claim="Too narrow layers, or embeddings that lose inputs or labels, leave a student with part "
    "of the teacher's map: it aligns with a whole student as far as that part says.",
    dial=Dial(
        "m",
        "dimensions that a student loses, of 5",
        LOST,
        scale="names",
        names=tuple(f"{m:g}" for m in LOST),
        platonic=0.0,
    ),
    problems=tuple(f"random problem, seed {seed}" for seed in PROBLEMS),
    curves=(
        *(
            Curve(
                place,
                partial(_against_whole, place),
                Effort((0.18, 0.13, 0.09, 0.065, 0.047), 32, POWERS),
                quick=Effort((0.18,), 16, POWERS, values=QUICK, relative=0.1, absolute=6e-4),
            )
            for place in PLACES[:3]
        ),
        Curve(
            PLACES[3],
            _both,
            Effort((0.16, 0.125, 0.1, 0.077, 0.06), 32, POWERS),
            quick=Effort((0.2,), 16, POWERS, values=QUICK, absolute=3e-4),
        ),
    ),
    limit="Exact as η → 0: measured at five learning rates and extrapolated.",
    seed=580_000,
)
