"""An ill-conditioned view: singular values in the ratio 10:1, its strength ``Tr ZΣxZᵀ`` kept at 3.

Balanced weights become sharp, Plato's do not, and SGD takes the first to the second. Beside the
paths, closed forms are asked what is claimed of views in general, and what holds instead.
"""

from __future__ import annotations

import numpy as np
import scipy.optimize

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.teacher import Teacher
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.sharpening.case import FALLS, Case, Found
from methexis.scenarios.sharpening.cases.common import FULL, QUICK, balanced, flattest, times
from methexis.scenarios.sharpening.training import Online
from methexis.theory.curvature import minimum_spectrum, sharpness, trace_of
from methexis.theory.gauge import apply_gauge, random_minimum
from methexis.theory.platonic import platonic

#: Condition numbers of views in closed form.
VIEW_CONDITIONS = (1.0, 10.0, 100.0, 1000.0)
#: Random minima per view that the least trace is compared with.
_NUM_MINIMA = 100


def _teacher() -> Teacher:
    return Teacher.random(3, 2, seed=0)


def view(condition: float, teacher: Teacher) -> Array:
    """Diagonal view of the given condition number and of strength ``Tr ZΣxZᵀ = dim_x``."""
    z = np.diag(np.geomspace(1.0, 1.0 / condition, teacher.dim_x))
    return np.asarray(z * np.sqrt(teacher.dim_x / np.trace(z @ teacher.cov_x @ z.T)))


def _students(teacher: Teacher) -> list[EDLN]:
    return [EDLN(hidden=(3,), view=view(10.0, teacher))]


def facts(outcome: Found) -> list[Check]:
    """What is claimed of ill-conditioned views, against what holds."""
    del outcome
    teacher = _teacher()
    students = [EDLN(hidden=(3,), view=view(c, teacher)) for c in VIEW_CONDITIONS]
    platonics = [platonic(teacher, s) for s in students]
    traces = [plato.hessian_trace for plato in platonics]
    student, plato = students[-1], platonics[-1]
    problem = Problem.of(teacher, student)
    others = [
        random_minimum(teacher, student, seed=k, spread=0.5, distribution="lognormal")
        for k in range(_NUM_MINIMA)
    ]
    least_trace = min(float(trace_of(problem, w)) for w in others)
    flattest_top = _least_top(problem, plato.weights)
    spread = max(traces) / min(traces) - 1.0
    bound = teacher.dim_x * teacher.dim_y
    noisy = [_relative_sharpness(c) for c in (1.0, 1e2, 1e4)]
    return [
        Check(
            "Plato's trace over views of condition 1 to 1000, equal strength",
            f"{traces[0]:.4f}, spread {spread:.1e}",
            "no dependence",
            spread < 1e-9,
        ),
        Check(
            "least trace of random minima, condition 1000",
            f"{least_trace:.4g}",
            f">= Plato's {traces[-1]:.4g}",
            least_trace >= traces[-1],
        ),
        Check(
            "Plato's λ over the least λ on its gauge orbit, condition 1000",
            f"{plato.sharpness / flattest_top:.3g}",
            f"<= {bound} (isotropic noise)",
            1.0 <= plato.sharpness / flattest_top <= bound,
        ),
        Check(
            "Plato's λ over that of the least trace, noise of condition 1, 1e2, 1e4",
            ", ".join(f"{v:.3g}" for v in noisy),
            "grows, without bound",
            noisy[0] < noisy[1] < noisy[2] and noisy[2] > bound,
        ),
    ]


def _least_top(problem: Problem, start: list[Array]) -> float:
    """Least λ over the gauge orbit of a student with one square hidden layer, by simplex search."""
    width = problem.dims[1]

    def top(entries: Array) -> float:
        gauge = np.eye(width) + entries.reshape(width, width)
        if abs(np.linalg.det(gauge)) < 1e-3:
            return np.inf
        return float(minimum_spectrum(problem, apply_gauge(start, [gauge]))[-1])

    least = scipy.optimize.minimize(
        top, np.zeros(width**2), method="Nelder-Mead", options={"maxiter": 3000, "adaptive": True}
    )
    return float(least.fun)


def _relative_sharpness(condition: float) -> float:
    """λ at Plato over λ at the minimum of least trace, of (4.8)."""
    noisy = Teacher([[1.0], [0.0]], cov_noise=np.diag([1.0, condition]))
    student = EDLN(hidden=(1,))
    flat = flattest(noisy, student)
    return float(platonic(noisy, student).sharpness / sharpness(noisy, student, flat))


CASE = Case(
    name="ill-conditioned-view",
    title="An ill-conditioned view",
    claim="At equal strength an ill-conditioned view makes balanced weights sharp, not "
    "Plato's, and SGD flattens them.",
    found="By closed forms: seed 0, a view of condition number 10; isotropic noise.",
    teacher=_teacher,
    students=_students,
    start=balanced,
    training=Online(),
    slow_times=times(4.0),
    expected=(FALLS, FALLS),
    full=FULL,
    quick=QUICK,
    seed=5000,
    note="The paper says that an ill-conditioned view makes the Platonic point arbitrarily "
    "sharp. By (4.6) its trace depends on the view through Tr ZΣxZᵀ alone, and so does the "
    "least trace of any minimum.",
    facts=facts,
)
