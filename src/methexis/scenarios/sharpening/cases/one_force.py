"""One force: what aligns two different networks also sharpens both.

Two students in different embeddings and views, from random minima, a little off them. Gradient flow
from the same weights, the force switched off, neither aligns nor sharpens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.framework.scenario import Effort
from methexis.scenarios.sharpening.case import ALIGNMENT, RISES, TOP, Case, Found, PathPoint
from methexis.scenarios.sharpening.cases.common import FULL, times
from methexis.scenarios.sharpening.training import Online
from methexis.theory.gauge import random_minimum

#: Displacement of the start of `one-force` off the minima, in units of a weight's size.
_OFF = 0.1
#: By how much the control may move after it has landed, and must SGD (a factor) beside it.
_STILL, _MOVED = 1e-5, 1.2


def _students(teacher: Teacher) -> list[EDLN]:
    return [
        EDLN.random(teacher, (4, 3), condition=1.5, seed=120),
        EDLN.random(teacher, (3,), condition=1.5, seed=220),
    ]


def _start(teacher: Teacher, students: Sequence[EDLN]) -> list[list[Array]]:
    generator = np.random.default_rng(20)
    return [
        [
            w + _OFF * generator.standard_normal(w.shape) * np.sqrt(np.mean(w**2))
            for w in random_minimum(teacher, s, seed=20, spread=0.2)
        ]
        for s in students
    ]


def facts(outcome: Found) -> list[Check]:
    """Check that without the force neither alignment nor sharpening happens."""
    checks = []
    for quantity, name in ((TOP, "largest eigenvalue"), (ALIGNMENT, "alignment")):
        start, still = outcome.start[quantity], outcome.control[quantity][-1, 0]
        moved = float(np.max(np.abs(still / start - 1.0)))
        ends = np.array([p.measured for p in _ends(outcome, quantity)])
        factor = float(np.min(ends / start))
        checks.append(
            Check(
                f"force off: change of the {name}",
                f"{moved:.1e} (SGD: by a factor of {factor:.3g})",
                f"<= {_STILL:g} (SGD: >= {_MOVED:g})",
                moved <= _STILL and factor >= _MOVED,
            )
        )
    return checks


def _ends(outcome: Found, quantity: str) -> list[PathPoint]:
    return [outcome.of(quantity, k)[-1] for k in range(outcome.num_students(quantity))]


CASE = Case(
    name="one-force",
    title="Alignment and sharpening: one force",
    claim="The force that aligns two different networks also sharpens both, and without it "
    "neither happens.",
    found="By closed forms: of 480 pairs of students the one whose layers differ most at the "
    "start among those of which both sharpen by a factor of 1.35 or more.",
    teacher=lambda: Teacher.random(3, 3, condition_noise=30.0, seed=20),
    students=_students,
    start=_start,
    training=Online(),
    slow_times=times(2.0),
    expected=(RISES, RISES),
    full=FULL,
    quick=Effort(small=(0.1, 0.07), replicas=32, powers=(0, 1), relative=0.02),
    seed=9000,
    control=True,
    facts=facts,
)
