"""The random problems: teachers, students of different depth and width, and where steps begin.

Depths 2, 3 and 4; anisotropic noise; random embeddings and views of condition number 1.7. Seeds are
the problems' numbers. A start at a minimum is drawn from the gauge orbit, one elsewhere is the same
minimum with a Gaussian vector of `AWAY` times the weights' size added.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.scenarios.irreversibility.setting import Setting
from methexis.theory.gauge import random_minimum

#: Sizes of input and label, and widths of the hidden layers.
SHAPES = ((3, 2, (3,)), (2, 2, (3, 2)), (2, 2, (2, 3, 2)))
SPREAD, AWAY = 0.3, 0.2
#: Inputs and noise vectors of the data sets: all pairs of them.
NUM_X, NUM_NOISE = 4, 4
DESCRIPTIONS = tuple(
    f"depth {len(hidden) + 1}, widths {', '.join(map(str, hidden))}, {x} inputs, {y} labels, "
    f"seed {seed}"
    for seed, (x, y, hidden) in enumerate(SHAPES)
)


@cache
def setting(number: int, *, data: bool = False, minimum: bool = True) -> Setting:
    """A problem: of a teacher or of a data set of 16 samples, at a minimum or away from it."""
    dim_x, dim_y, hidden = SHAPES[number]
    teacher = Teacher.random(
        dim_x,
        dim_y,
        condition=2.0,
        noise=0.5,
        condition_noise=4.0,
        condition_x=2.0,
        seed=number,
    )
    student = EDLN.random(teacher, hidden, condition=1.7, seed=10 + number)
    source: Teacher | Samples = teacher
    if data:
        source = teacher.product_samples(NUM_X, NUM_NOISE, seed=number)
    start = random_minimum(source, student, seed=number, spread=SPREAD)
    return Setting(source, student, start if minimum else _moved(start, number), minimum)


def _moved(weights: list[Array], seed: int) -> list[Array]:
    generator = np.random.default_rng(1000 + seed)
    return [
        w + AWAY * np.linalg.norm(w) / np.sqrt(w.size) * generator.standard_normal(w.shape)
        for w in weights
    ]
