"""The edge of stability: steps so long that the sharpest directions hardly settle.

SGD with single samples diverges far below the edge, so it is approached by descent on the whole
data set, whose labels get fresh noise in every step. The dial is ``η λ_max / 2`` with λ_max the
larger one of the two students at their Platonic points: at 1 descent would be unstable there. As
the noise vanishes each student ends at the minimum of ``-Tr log(1 - ηH/2)`` among its minima
(`theory.fixed_points.edge`), which is the Platonic point for short steps and leaves it smoothly, by
an amount that depends on the student's own curvature.

The small parameter is the variance of the label noise over that of the signal, times ``(2 - η
λ_max)/(η λ_max)``, so that the jitter in the sharpest direction is the same all along the dial.

Three random problems, two inputs and labels, a data set of two samples without noise of its own,
students of depths 2 and 3 in random embeddings and views, once well and once ill conditioned: of
teacher seeds 0 … 5 those with the largest predictions. Runs start at the Platonic points, where
they would stay if the edge did not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial

from methexis.core.edln import EDLN
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.scenarios.breaking.case import POWERS, Case
from methexis.scenarios.breaking.settled import AT_OFFSET, SNAPSHOTS, kernels_at
from methexis.scenarios.breaking.students import two_students
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.ensembles import Ensemble, window
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario
from methexis.theory.fixed_points.edge import edge_fixed_point
from methexis.theory.platonic import platonic

#: Seeds of the teachers and of the students' embeddings and views.
PROBLEMS = (0, 5, 3)
WELL, ILL = 1.7, 3.0
#: Weight of the teacher's own noise in its closed forms; no run has it.
NOISE = 0.3


@cache
def _problem(number: int, condition: float) -> tuple[Teacher, Samples, tuple[EDLN, ...]]:
    seed = PROBLEMS[number]
    teacher = Teacher.random(2, 2, condition=3.0, noise=NOISE, condition_x=2.0, seed=seed)
    students = two_students(teacher, seed=seed, condition=condition)
    inputs = teacher.product_samples(2, 3, seed=seed).x[::3]  # two, of exact second moment
    return teacher, Samples(inputs, inputs @ teacher.weight.T), students


def _case(condition: float, number: int, value: float) -> Case:
    teacher, data, students = _problem(number, condition)
    platonics = [platonic(teacher, s) for s in students]
    lr = 2.0 * value / max(solution.sharpness for solution in platonics)
    ends = [edge_fixed_point(teacher, s, lr=lr) for s in students]
    slowest = max(end.slowest_time for end in ends)
    burn_in, length = AT_OFFSET
    signal = float((data.y**2).mean())

    def at(small: float) -> Ensemble:
        return Ensemble(
            data,
            students,
            [solution.weights for solution in platonics],
            lr,
            window(burn_in * slowest, (burn_in + length) * slowest, SNAPSHOTS),
            sampling="full",
            batch=data.num_samples,
            label_noise=math.sqrt(small * signal * (1.0 - value) / value),
        )

    return Case(kernels_at(teacher, students, [end.weights for end in ends]), at)


def _curve(name: str, case: Callable[[int, float], Case]) -> Curve[Case]:
    return Curve(
        name,
        case,
        Effort((0.06, 0.043, 0.03, 0.021, 0.015), 32, POWERS),
        quick=Effort((0.07, 0.045), 16, POWERS, values=QUICK, relative=0.2, absolute=1e-4),
    )


VALUES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
QUICK = VALUES[1:]

SCENARIO = Scenario(
    name="edge",
    title="Edge of stability",
    claim="Steps near the edge of stability weigh sharp directions more, so each student leaves "
    "the Platonic point in its own way, smoothly and before η λ_max = 2.",
    dial=Dial(
        "ηλ/2",
        "learning rate × sharpness / 2",
        VALUES,
        scale="linear",
        least=1e-3,
        most=0.999,
    ),
    problems=tuple(f"random problem, seed {seed}" for seed in PROBLEMS),
    curves=(
        _curve("views of condition 1.7", partial(_case, WELL)),
        _curve("views of condition 3", partial(_case, ILL)),
    ),
    limit="Exact at every η as the label noise vanishes: measured at five strengths of it and "
    "extrapolated.",
    seed=600_000,
)
