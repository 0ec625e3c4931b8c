"""What all cases state alike: how they were settled, and how much is measured of them.

Problems and starts were settled by closed forms and slow dynamics. A pilot with other seeds came
before the runs: it set the length of the cases without noise (cost), the powers of the fit of batch
sharpness (its errors) and the learning rate of single samples (finite fourth moments). What becomes
of runs on single samples that are on course beyond their edge was expected to be loss of all; the
pilot showed otherwise, and the checks of `edge.losses` were written after it. A full run
extrapolates over three values of the small parameter, with a quadratic; a quick one over two, with
a line, and allows for what the next power leaves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher
from methexis.scenarios.framework.scenario import Effort
from methexis.theory.gauge import balanced_minimum
from methexis.theory.platonic import platonic

#: Of ``η λ_max`` and ``(η λ_max)²``.
FULL = Effort(small=(0.09, 0.06, 0.03), replicas=32, powers=(0, 1, 2))
QUICK = Effort(small=(0.1, 0.06), replicas=32, powers=(0, 1), relative=0.02)


def times(last: float, *, first: float = 1.0 / 60.0, count: int = 8) -> tuple[float, ...]:
    """Slow times evenly spaced in the logarithm, from a part of the last one on."""
    return tuple(np.geomspace(first * last, last, count).tolist())


def balanced(teacher: Teacher, students: Sequence[EDLN]) -> list[list[Array]]:
    """Minima with balanced layers, from which a case starts."""
    return [balanced_minimum(teacher, s) for s in students]


def flattest(teacher: Teacher, student: EDLN) -> list[Array]:
    """The minimum with the least trace of the Hessian (docs/theory.md §4: (4.7))."""
    return platonic(Teacher(teacher.weight, teacher.cov_x), student).weights
