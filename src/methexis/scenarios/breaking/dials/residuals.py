"""Residuals that depend on the input: harmless to shuffled runs in strength, harmful in shape.

The dial ``ρ`` is the part of the noise that follows the input.

*In strength*: ``Σε(x) = σ² [(1 - ρ) + ρ ‖z‖²/n] 1`` with ``z = Σx^{-1/2} x``. The entropy then has
``E[σ²(x) x xᵀ]`` where it had ``σ² Σx``, the same for every layer of every student. The kernel
changes, and all still agree on it if epochs are shuffled. (With independent samples the slow drift
leaves an offset, which is below 1e-4 here.)

*In shape*: ``Σε(x) = σ² [(1 - ρ) 1 + ρ p u uᵀ]`` with ``u`` along ``V x``, noise that multiplies
the signal. Each interface then has moments of its own, and no sampling makes the layers agree.

Three random problems, two inputs and labels, 3 inputs with 3 noise vectors each (9 samples; mean 0
and the stated covariance hold exactly for each input), students of depths 2 and 3 in random
embeddings and views: of teacher seeds 0 … 7 the three with the largest predictions in shape. Runs
start at balanced minima.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np

import methexis.init as initialisers
from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.linalg import inverse_sqrt_psd, sqrt_psd
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.scenarios.breaking.case import EPOCH_POWERS, POWERS, Case
from methexis.scenarios.breaking.settled import AT_OFFSET, WITHOUT, settled_case
from methexis.scenarios.breaking.students import two_students
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario
from methexis.theory.fixed_points.decay import decay_fixed_point
from methexis.theory.fixed_points.drift import drift_fixed_point
from methexis.theory.gauge import balanced_minimum

#: Seeds of the teachers and of the students' embeddings and views.
PROBLEMS = (5, 4, 7)
STUDENT_CONDITION = 1.7
NUM_X, NUM_NOISE = 3, 3
NOISE = 0.3
VALUES = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
QUICK = VALUES[1:-1]

Covariance = Callable[[Teacher, Array, Array, float], Array]


def in_strength(teacher: Teacher, x: Array, white: Array, part: float) -> Array:
    """Covariance at one input, relative to ``σ²``."""
    return float(1.0 - part + part * np.mean(white**2)) * np.eye(teacher.dim_y)


def in_shape(teacher: Teacher, x: Array, white: Array, part: float) -> Array:
    """Covariance at one input, relative to ``σ²``."""
    along = teacher.weight @ x
    along = along / np.linalg.norm(along)
    return (1.0 - part) * np.eye(teacher.dim_y) + part * teacher.dim_y * np.outer(along, along)


@cache
def _problem(number: int, covariance: Covariance, part: float) -> tuple[Samples, tuple[EDLN, ...]]:
    seed = PROBLEMS[number]
    teacher = Teacher.random(2, 2, condition=3.0, noise=NOISE, condition_x=2.0, seed=seed)
    design = teacher.product_samples(NUM_X, NUM_NOISE, seed=seed)
    inputs = design.x[::NUM_NOISE]
    white = inputs @ inverse_sqrt_psd(teacher.cov_x)
    labels = [
        x @ teacher.weight.T
        # The design's noise is isotropic: its covariance is σ² times the identity.
        + (design.y - design.x @ teacher.weight.T)[:NUM_NOISE]
        @ sqrt_psd(covariance(teacher, x, z, part))
        for x, z in zip(inputs, white, strict=True)
    ]
    students = two_students(teacher, seed=seed, condition=STUDENT_CONDITION)
    return Samples(design.x, np.concatenate(labels)), students


def _case(covariance: Covariance, sampling: str, number: int, part: float) -> Case:
    data, students = _problem(number, covariance, part)
    starts = [balanced_minimum(data, s) for s in students]
    if sampling == "shuffle":
        ends = [
            decay_fixed_point(data, s, decay=0.0, weights=w)
            for s, w in zip(students, starts, strict=True)
        ]
    else:
        ends = [
            drift_fixed_point(data, s, weights=w) for s, w in zip(students, starts, strict=True)
        ]
    times = WITHOUT if covariance is in_strength else AT_OFFSET
    return settled_case(
        data, students, ends, initialisers.balanced(), times=times, sampling=sampling
    )


SCENARIO = Scenario(
    name="residuals",
    title="Residuals that depend on the input",
    claim="Noise whose strength follows the input changes the kernel, and shuffled students still "
    "agree on it; noise whose shape follows the input gives every layer moments of its own.",
    dial=Dial(
        "ρ", "part of the noise that follows the input", VALUES, scale="linear", least=0.0, most=1.0
    ),
    problems=tuple(f"random problem, seed {seed}" for seed in PROBLEMS),
    curves=(
        Curve(
            "in strength, shuffled",
            partial(_case, in_strength, "shuffle"),
            Effort((0.17, 0.13, 0.1, 0.076, 0.058), 24, EPOCH_POWERS),
            quick=Effort((0.15,), 16, EPOCH_POWERS, values=QUICK, absolute=3e-3),
        ),
        Curve(
            "in shape, shuffled",
            partial(_case, in_shape, "shuffle"),
            Effort((0.17, 0.13, 0.1, 0.076, 0.058), 24, EPOCH_POWERS),
            quick=Effort(
                (0.17, 0.12), 16, EPOCH_POWERS, values=QUICK, relative=0.15, absolute=3e-4
            ),
        ),
        Curve(
            "in shape, i.i.d.",
            partial(_case, in_shape, "replace"),
            Effort((0.25, 0.18, 0.125, 0.09, 0.065), 24, POWERS),
            quick=Effort((0.25, 0.15), 16, POWERS, values=QUICK, relative=0.15, absolute=3e-4),
        ),
    ),
    limit="Exact as η → 0: measured at five learning rates and extrapolated.",
    seed=610_000,
)
