"""Where descent with vanishing label noise ends near the edge, by an independent minimisation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

import methexis as mx
from methexis.core.problem import Problem
from methexis.errors import MethexisError
from methexis.theory.curvature import dense_hessian
from methexis.theory.fixed_points.edge import edge_fixed_point


def potential(problem: Problem, weights: list[np.ndarray], lr: float) -> float:
    """``-(1/η) Tr log(1 - ηH/2)`` from the dense Hessian; a wall beyond the edge."""
    values = np.linalg.eigvalsh(dense_hessian(problem, weights))
    if lr * values.max() >= 2.0:
        return 1e6
    return float(-np.sum(np.log1p(-lr * values / 2.0)) / lr)


@pytest.mark.parametrize("part", [0.3, 0.8])
def test_it_is_the_least_potential_on_the_gauge_orbit(part: float) -> None:
    """All minima of a two-layer student of full width are W_1 -> T W_1, W_2 -> W_2 T⁻¹."""
    teacher = mx.Teacher.random(2, 2, condition=3.0, condition_x=2.0, seed=0)
    student = mx.EDLN.random(teacher, (2,), condition=3.0, seed=1)
    problem = Problem.of(teacher, student)
    solution = mx.theory.platonic(teacher, student)
    lr = 2.0 * part / solution.sharpness
    found = edge_fixed_point(teacher, student, lr=lr)

    def at(t: np.ndarray) -> list[np.ndarray]:
        gauge = np.eye(2) + t.reshape(2, 2)
        first, second = solution.weights
        return [gauge @ first, second @ np.linalg.inv(gauge)]

    searched = scipy.optimize.minimize(
        lambda t: potential(problem, at(t), lr), np.zeros(4), method="BFGS", options={"gtol": 1e-9}
    )
    assert potential(problem, found.weights, lr) == pytest.approx(searched.fun, rel=1e-10)
    kernels = [w[0].T @ w[0] for w in (found.weights, at(searched.x))]
    assert np.allclose(*kernels, rtol=1e-4)
    assert searched.fun < potential(problem, solution.weights, lr) * (1.0 - 1e-6)


def test_short_steps_end_at_the_platonic_point() -> None:
    teacher = mx.Teacher.random(3, 2, seed=1)
    student = mx.EDLN.random(teacher, (3, 4), seed=2)
    solution = mx.theory.platonic(teacher, student)
    found = edge_fixed_point(teacher, student, lr=1e-6 / solution.sharpness)
    for a, b in zip(found.weights, solution.weights, strict=True):
        assert np.allclose(a.T @ a, b.T @ b, rtol=1e-4, atol=1e-5)


def test_an_unstable_start_is_refused() -> None:
    teacher = mx.Teacher.random(2, 2, seed=1)
    student = mx.EDLN.random(teacher, (2,), seed=2)
    with pytest.raises(MethexisError, match="lr: expected less than 2/λ_max"):
        edge_fixed_point(teacher, student, lr=1e3)
