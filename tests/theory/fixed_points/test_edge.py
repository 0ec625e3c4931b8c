"""The drift near the edge of stability against one-dimensional formulas and its own limits."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.teacher import Teacher
from methexis.errors import MethexisError
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.fixed_points.edge import edge_velocity
from methexis.theory.flow import integrate_slow
from methexis.theory.gauge import random_minimum

LABELS = 16


def _valley() -> tuple[Problem, list[np.ndarray]]:
    """Minima ``(1/a, a e₁)``: λ is ``2(a² + a⁻²)`` once and ``2 a⁻²`` 15 times."""
    weight = np.zeros((LABELS, 1))
    weight[0] = 1.0
    return Problem.of(Teacher(weight), EDLN((1,))), [np.ones((1, 1)), weight.copy()]


@pytest.mark.parametrize(("batch", "factor", "lr"), [(None, 1.0, 1 / 3), (1, 3.0, 0.06)])
def test_it_ends_where_the_potential_is_least(batch: int | None, factor: float, lr: float) -> None:
    problem, start = _valley()
    path = integrate_slow(
        problem,
        start,
        np.array([3.0]),
        lambda w: edge_velocity(problem, w, lr, batch=batch),
        rtol=1e-8,
    )
    rate = factor * lr / 2.0

    def potential(a2: float) -> float:
        rest = np.array([1 - 2 * rate * (a2 + 1 / a2), 1 - 2 * rate / a2])
        return float(-np.log(rest) @ [1, LABELS - 1]) if (rest > 0).all() else np.inf

    highest = 1 / (2 * rate)  # a² at which the steep direction would be beyond its edge
    wanted = scipy.optimize.minimize_scalar(
        potential, bounds=(1.0, 0.99 * highest), method="bounded", options={"xatol": 1e-9}
    ).x
    # The search cannot do better than the root of rounding.
    assert float(path.weights[0][-1, 0, 0]) ** -2 == pytest.approx(wanted, rel=1e-5)


def test_a_small_rate_gives_the_slow_drift() -> None:
    teacher = Teacher.random(3, 2, noise=1.0, seed=0)
    teacher = Teacher(teacher.weight)
    student = EDLN((3,))
    problem = Problem.of(teacher, student)
    weights = random_minimum(teacher, student, seed=1, spread=0.3)
    limit = drift_velocity(problem, weights)
    gaps = [
        max(
            np.abs(a - b).max()
            for a, b in zip(edge_velocity(problem, weights, lr), limit, strict=True)
        )
        for lr in (2e-4, 1e-4)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(2.0, rel=0.05)  # first order in the rate


def test_beyond_the_edge_is_refused() -> None:
    problem, start = _valley()
    with pytest.raises(MethexisError, match=r"expected lr \* sharpness < 2, got 0\.6"):
        edge_velocity(problem, start, 0.6)
    with pytest.raises(MethexisError, match=r"sharpness < 0\.667"):
        edge_velocity(problem, start, 0.2, batch=1)
