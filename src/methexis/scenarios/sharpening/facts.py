"""What single cases show besides directions and paths: limits, bounds, the control, lost runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.optimize

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.teacher import Teacher
from methexis.scenarios.sharpening.cases import CASES, one_output_matters, view
from methexis.scenarios.sharpening.curvature import ALIGNMENT, TOP
from methexis.scenarios.sharpening.measure import Found, Point
from methexis.scenarios.sharpening.search import flattest
from methexis.scenarios.sharpening.verdict import Check, log_slope
from methexis.theory.curvature import minimum_spectrum, sharpness, trace_of
from methexis.theory.flow import entropic_velocity, integrate_slow
from methexis.theory.gauge import apply_gauge, balanced_minimum, random_minimum
from methexis.theory.platonic import platonic
from methexis.training.optimisers import SGD
from methexis.training.plan import make_plan
from methexis.training.weights import recorded_weights

#: Condition numbers of views in closed form.
VIEW_CONDITIONS = (1.0, 10.0, 100.0, 1000.0)
#: Random minima per view that the least trace is compared with.
_NUM_MINIMA = 100
#: By how much the control may move after it has landed, and must SGD (a factor) beside it.
_STILL, _MOVED = 1e-5, 1.2
#: Deviations in σ of an exponent that are let pass.
_EXPONENT = 3.3


def control(found: Found) -> list[Check]:
    """Without the force neither happens."""
    checks = []
    for quantity, name in ((TOP, "largest eigenvalue"), (ALIGNMENT, "alignment")):
        start, still = found.start[quantity], found.control[quantity][-1, 0]
        moved = float(np.max(np.abs(still / start - 1.0)))
        ends = np.array([p.measured for p in _ends(found, quantity)])
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


def _ends(found: Found, quantity: str) -> list[Point]:
    return [found.of(quantity, k)[-1] for k in range(found.num_students(quantity))]


def view_table() -> list[tuple[float, float, float, float, float]]:
    """Condition number of the view; Plato's trace and λ; balanced trace and λ. Isotropic noise."""
    teacher = CASES["ill-conditioned-view"].teacher()
    rows = []
    for condition in VIEW_CONDITIONS:
        student = EDLN(hidden=(3,), view=view(condition, teacher))
        plato = platonic(teacher, student)
        weights = balanced_minimum(teacher, student)
        problem = Problem.of(teacher, student)
        rows.append(
            (
                condition,
                plato.hessian_trace,
                plato.sharpness,
                float(trace_of(problem, weights)),
                float(minimum_spectrum(problem, weights)[-1]),
            )
        )
    return rows


def views(found: Found) -> list[Check]:
    """What is claimed of ill-conditioned views, against what holds."""
    del found
    teacher = CASES["ill-conditioned-view"].teacher()
    rows = view_table()
    spread = max(r[1] for r in rows) / min(r[1] for r in rows) - 1.0
    student = EDLN(hidden=(3,), view=view(VIEW_CONDITIONS[-1], teacher))
    problem = Problem.of(teacher, student)
    others = [
        random_minimum(teacher, student, seed=k, spread=0.5, distribution="lognormal")
        for k in range(_NUM_MINIMA)
    ]
    least_trace = min(float(trace_of(problem, w)) for w in others)
    flattest_top = _least_top(problem, platonic(teacher, student).weights)
    bound = teacher.dim_x * teacher.dim_y
    noisy = [_relative_sharpness(c) for c in (1.0, 1e2, 1e4)]
    return [
        Check(
            "Plato's trace over views of condition 1 to 1000, equal strength",
            f"{rows[0][1]:.4f}, spread {spread:.1e}",
            "no dependence",
            spread < 1e-9,
        ),
        Check(
            "least trace of random minima, condition 1000",
            f"{least_trace:.4g}",
            f">= Plato's {rows[-1][1]:.4g}",
            least_trace >= rows[-1][1],
        ),
        Check(
            "Plato's λ over the least λ on its gauge orbit, condition 1000",
            f"{rows[-1][2] / flattest_top:.3g}",
            f"<= {bound} (isotropic noise)",
            1.0 <= rows[-1][2] / flattest_top <= bound,
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

    found = scipy.optimize.minimize(
        top, np.zeros(width**2), method="Nelder-Mead", options={"maxiter": 3000, "adaptive": True}
    )
    return float(found.fun)


def _relative_sharpness(condition: float) -> float:
    """λ at Plato over λ at the minimum of least trace, of (4.8)."""
    noisy = Teacher([[1.0], [0.0]], cov_noise=np.diag([1.0, condition]))
    student = EDLN(hidden=(1,))
    flat = flattest(noisy, student)
    return float(platonic(noisy, student).sharpness / sharpness(noisy, student, flat))


def exponent(found: Found) -> list[Check]:
    """Of the largest eigenvalue between the last two slow times, and where it leads."""
    measured, error, predicted = log_slope(found.of(TOP))
    allowed = 0.01 if found.quick else 0.0
    return [
        Check(
            "exponent of λ at the end",
            f"{measured:.4f} ± {1.96 * error:.4f}",
            f"{predicted:.4f} (1/2 in the limit)",
            abs(measured - predicted) <= _EXPONENT * error + allowed,
        )
    ]


def ends(found: Found) -> list[Check]:
    """With fresh samples sharpening ends; in shuffled epochs, says theory, it would not."""
    measured, error, predicted = log_slope(found.of(TOP))
    teacher = found.case.teacher()
    (student,) = found.case.students(teacher)
    problem = Problem.of(teacher, student)
    (start,) = found.case.start(teacher, [student])
    path = integrate_slow(
        problem,
        start,
        np.asarray(found.case.slow_times),
        lambda w: entropic_velocity(problem, w),
        rtol=1e-6,
    )
    shuffled = float(minimum_spectrum(problem, path.weights)[-1, -1])
    end = found.of(TOP)[-1]
    allowed = 0.02 if found.quick else 0.0
    return [
        Check(
            "exponent of λ at the end",
            f"{measured:.3f} ± {1.96 * error:.3f}",
            f"{predicted:.3f} (0 in the limit)",
            abs(measured - predicted) <= _EXPONENT * error + allowed,
        ),
        Check(
            "λ at the end, against the path of shuffled epochs",
            f"{end.measured:.4g} ± {end.half:.2g}",
            f"below {shuffled:.4g}",
            end.measured + 3.0 * end.error < shuffled,
        ),
    ]


#: ``η λ_max`` at the start of runs on single samples, noise variances, and their length in units
#: of slow time at a variance of 1. A vanishing learning rate would take them to ``η λ`` = 0.85.
_STEEP_START, _WEAK, _STRONG, _STEEP_LAST = 0.4, 0.01, 1.0, 1.0
_STEEP_REPLICAS, _STEEP_SEED = 32, 8200


def losses(found: Found) -> list[Check]:
    """Runs that would go beyond their edge: whether they are lost is a matter of the noise."""
    del found
    weak, strong = (_lost(noise) for noise in (_WEAK, _STRONG))
    return [
        Check(
            f"on course for η λ = 0.85, noise of variance {_WEAK:g}: lost",
            f"{weak} of {_STEEP_REPLICAS}",
            "none: held back before the edge at 2/3",
            weak == 0,
        ),
        Check(
            f"the same, noise of variance {_STRONG:g}: lost",
            f"{strong} of {_STEEP_REPLICAS}",
            "some",
            strong > 0,
        ),
    ]


def _lost(variance: float) -> int:
    clean = one_output_matters()
    teacher = Teacher(clean.weight, cov_noise=variance * np.eye(clean.dim_y))
    student = EDLN(hidden=(1,))
    weights = balanced_minimum(teacher, student)
    lr = _STEEP_START / float(sharpness(teacher, student, weights))
    steps = int(_STEEP_LAST / (variance * lr**2))
    plan = make_plan(
        [student],
        teacher,
        SGD(lr=lr),
        steps=steps,
        batch=1,
        sampling="online",
        paired=True,
        loss="squared",
        init=[weights],
        replicas=_STEEP_REPLICAS,
        seed=_STEEP_SEED,
        dtype="float64",
        record=[steps],
        engine="auto",
    )
    _, healthy = recorded_weights(plan)
    return int(np.sum(~healthy))


FACTS: dict[str, Callable[[Found], list[Check]]] = {
    "one-force": control,
    "ill-conditioned-view": views,
    "noise-free": exponent,
    "noise-free-tilted": ends,
    "edge-single-samples": losses,
}
