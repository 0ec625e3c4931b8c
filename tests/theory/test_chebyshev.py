"""The stabilised integrator: order, stability, and slow dynamics as the usual one has it."""

from __future__ import annotations

import numpy as np
import pytest

import methexis as mx
from methexis.core.checks import Array
from methexis.core.problem import Problem
from methexis.theory import chebyshev
from methexis.theory.chebyshev import integrate_stabilised
from methexis.theory.flow import entropic_velocity, integrate_slow


def curved(y: Array) -> Array:
    """``(1/(1 + t), e^{-t} + …)``: nonlinear, with a closed form in the first component."""
    return np.array([-(y[0] ** 2), y[0] - y[1]])


@pytest.mark.parametrize("stages", [2, 5, 12])
def test_it_is_of_second_order(stages: int) -> None:
    """Halving the step divides the error by 4, within 10 % for what is left of third order."""
    errors = []
    for number in (40, 80, 160):
        y = np.array([1.0, 0.5])
        for _ in range(number):
            y = chebyshev._stages(curved, y, curved(y), 1.0 / number, stages)
        errors.append(abs(y[0] - 0.5))
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.1)


@pytest.mark.parametrize("stages", [2, 7, 40])
def test_a_step_is_stable_up_to_its_bound(stages: int) -> None:
    """``|R(-h ρ)| <= 1`` for ``h ρ`` up to ``0.65 (s² - 1)``, and not for twice as much."""
    most = 0.65 * (stages**2 - 1)

    def grown(size: float) -> float:
        return abs(float(chebyshev._stages(lambda y: -y, np.ones(1), -np.ones(1), size, stages)[0]))

    assert max(grown(size) for size in np.linspace(0.0, most, 200)) <= 1.0
    assert grown(2.0 * most) > 1.0


def test_stiff_decay_takes_few_evaluations() -> None:
    """Rates 1 and 1e6 to time 2: order 5(4), stable up to 3.3, would need 3.6e6 evaluations."""
    rates = np.array([1.0, 1e3, 1e6])
    count = 0

    def field(y: Array) -> Array:
        nonlocal count
        count += 1
        return -rates * y

    times = np.array([0.0, 0.3, 0.3, 2.0])
    found = integrate_stabilised(field, np.ones(3), times, rtol=1e-6, atol=1e-9)
    assert count < 40_000
    # A thousand times the tolerance of a step.
    assert np.allclose(found[:, 0], np.exp(-times), atol=1e-3 * 1e-1)
    assert np.array_equal(found[1], found[2])
    assert np.abs(found[-1, 1:]).max() < 1e-6


def test_a_field_that_leads_nowhere_is_an_error() -> None:
    """No velocity at the start; and a pole in finite time, ``1/(1 - t)``."""
    times = np.array([0.0, 2.0])
    with pytest.raises(mx.MethexisError, match="finite velocity at the start"):
        integrate_stabilised(lambda y: y * np.nan, np.ones(2), times, rtol=1e-3, atol=1e-6)
    with pytest.raises(mx.MethexisError, match="stopped at"), np.errstate(all="ignore"):
        integrate_stabilised(lambda y: y**2, np.ones(1), times, rtol=1e-3, atol=1e-6)


def test_slow_dynamics_as_the_usual_integrator_has_it() -> None:
    teacher = mx.Teacher.random(3, 2, seed=0)
    student = mx.EDLN.random(teacher, (4, 3), condition=3.0, seed=1)
    problem = Problem.of(teacher, student, "squared")
    starts = [mx.theory.random_minimum(teacher, student, seed=i, spread=0.5) for i in range(3)]
    start = [np.stack(layer) for layer in zip(*starts, strict=True)]
    times = np.array([0.0, 0.01, 0.1, 1.0])
    paths = [
        integrate_slow(
            problem, start, times, lambda w: entropic_velocity(problem, w), rtol=r, stabilised=s
        )
        for r, s in ((1e-9, False), (1e-6, True))
    ]
    for exact, found in zip(paths[0].weights, paths[1].weights, strict=True):
        # A few hundred steps of relative error 1e-6.
        assert np.abs(exact - found).max() <= 3e-4 * np.abs(exact).max()
