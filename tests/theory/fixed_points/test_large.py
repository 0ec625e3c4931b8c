"""Ends of large students, whose dynamics is not a matrix, against those of small ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten, unflatten
from methexis.core.problem import Problem
from methexis.errors import MethexisError
from methexis.theory.fixed_points import krylov, steady
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.fixed_points.frames import Frame
from methexis.theory.fixed_points.krylov import LargeFrame, Span, Turning
from methexis.theory.platonic import platonic_of
from tests.theory import brute
from tests.theory.fixed_points.test_wide import GROWING, wide

SEED = 20261130


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch):
    """Every student counts as large, and no matrix of its dynamics is made."""

    def use() -> None:
        monkeypatch.setattr(steady, "MOST_DENSE", 0)
        refused = property(lambda _: pytest.fail("made the matrix"))
        monkeypatch.setattr(Frame, "_linearised", refused)

    return use


def same_end(a: steady.FixedPoint, b: steady.FixedPoint, problem: Problem) -> None:
    """Of ends that are one point up to rotations: kernels, the slowest rate, and speeds."""
    for maps in zip(*(hidden(problem, end.weights) for end in (a, b)), strict=True):
        # Both stop at 1e-8 of speed, and at a step of 1e-4 that Newton's method squares.
        assert_allclose(maps[0], maps[1], rtol=0, atol=1e-6 * np.abs(maps[1]).max())
    assert len(b.rates) == 1
    assert b.rates[0] == pytest.approx(a.rates[0], rel=2e-3)  # residual 1e-4, and of no symmetry
    assert b.error <= 1e-8
    for turned, other in zip(a.rotations, b.rotations, strict=True):
        assert np.array_equal(other, -other.T) or np.abs(other + other.T).max() < 1e-15
        assert_allclose(np.linalg.norm(other), np.linalg.norm(turned), rtol=0, atol=1e-5)


def hidden(problem: Problem, weights: list[np.ndarray]) -> list[np.ndarray]:
    maps, kernels = problem.embed_in, []
    for w in weights[:-1]:
        maps = w @ maps
        kernels.append(maps.T @ maps)
    return kernels


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_drift_ends_where_it_does_for_small_students(depth, large) -> None:
    teacher, student = brute.case(SEED, depth=depth, condition_noise=20.0)
    small = mx.theory.drift_fixed_point(teacher, student)
    large()
    reports: list[int] = []
    end = steady.fixed_point_of(
        problem := Problem.of(teacher, student),
        lambda w: drift_velocity(problem, w),
        platonic_of(problem).weights,
        "slow drift",
        progress=lambda report: reports.append(report.step),
    )
    assert np.abs(small.rotations[0]).max() > 1e-4  # this end turns
    same_end(small, end, problem)
    assert reports[-1] == 800
    assert len(reports) >= 3
    assert max(reports[:-1]) < 800


@pytest.mark.parametrize("depth", [2, 3])
def test_weight_decay(depth, large) -> None:
    teacher, student = brute.case(SEED, depth=depth, spare=1)
    small = mx.theory.decay_fixed_point(teacher, student, decay=0.5)
    large()
    end = mx.theory.decay_fixed_point(teacher, student, decay=0.5)
    same_end(small, end, Problem.of(teacher, student))


def test_adaptive_rules(large) -> None:
    """They know the basis, so that no rotation counts."""
    teacher, student = mx.Teacher.random(3, 3, seed=1), mx.EDLN((3, 3))
    small = mx.theory.adaptive_fixed_point(teacher, student, memory=0.5)
    large()
    end = mx.theory.adaptive_fixed_point(teacher, student, memory=0.5)
    same_end(small, end, Problem.of(teacher, student))
    assert not any(r.any() for r in end.rotations)


@pytest.mark.parametrize(
    "seed", [GROWING[0], *(pytest.param(seed, marks=pytest.mark.long) for seed in GROWING[1:])]
)
def test_where_a_spare_neuron_would_grow_nobody_stays(seed, large) -> None:
    teacher, student = wide(seed)
    small = mx.theory.drift_fixed_point(teacher, student)
    large()
    end = mx.theory.drift_fixed_point(teacher, student)
    assert end.rates[0] > 0.0
    assert end.rates[0] == pytest.approx(small.rates[0], rel=2e-3)


@pytest.mark.parametrize("depth", [2, 4])
def test_steps_and_directions_are_those_of_the_matrix(depth) -> None:
    teacher, student = brute.case(SEED, depth=depth, spare=1, condition_noise=20.0)
    problem = Problem.of(teacher, student)

    def velocity(weights: list[np.ndarray]) -> list[np.ndarray]:
        return drift_velocity(problem, weights)

    state = flatten(mx.theory.random_minimum(teacher, student, seed=1, spread=0.2))
    small, free = (kind(problem, velocity, state, 1.0, True) for kind in (Frame, LargeFrame))
    assert free.speed == pytest.approx(small.speed, rel=1e-9)
    for a, b in zip(free.rotations, small.rotations, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-9 * max(1.0, np.abs(b).max()))
    basis, matrix = small._linearised
    direction = np.random.default_rng(SEED).standard_normal(state.size)
    assert_allclose(free._along(direction), basis.T @ (basis @ direction), rtol=0, atol=1e-9)
    # Differences of 1e-5: their square, and rounding over it.
    expected = basis.T @ (matrix @ (basis @ direction))
    assert_allclose(free._moved(direction), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    for stretch in (1e-3, 0.1):
        step = small.step(stretch)
        assert_allclose(
            free.step(stretch), step, rtol=0, atol=2.0 * krylov.STEP_RESIDUAL * np.linalg.norm(step)
        )


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_rotations_are_found_by_their_products(depth) -> None:
    """Against least squares over all elementary rotations."""
    teacher, student = brute.case(SEED, depth=depth, spare=1)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.5)
    turning = Turning(weights)
    direction = np.random.default_rng(SEED).standard_normal(sum(w.size for w in weights))
    dims = Problem.of(teacher, student).dims
    rows = []
    for i, width in enumerate(dims[1:-1]):
        for a in range(width):
            for b in range(a):
                one = [np.zeros((d, d)) for d in dims[1:-1]]
                one[i][a, b], one[i][b, a] = 1.0, -1.0
                rows.append(flatten(turning.turned(one)))
    table = np.array(rows)
    expected = direction - np.linalg.lstsq(table.T, direction, rcond=1e-12)[0] @ table
    found = flatten(turning.without(unflatten(direction, dims)))
    assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(direction).max())


def test_a_span_of_any_matrix() -> None:
    generator = np.random.default_rng(SEED)
    matrix = -np.diag(np.geomspace(0.1, 10.0, 30)) + 1e-3 * generator.standard_normal((30, 30))
    right = generator.standard_normal(30)
    span = Span(lambda v: matrix @ v, right)
    for stretch in (0.1, 1.0, 1e6):
        expected = np.linalg.solve(np.eye(30) / stretch - matrix, right)
        found = span.step(stretch)
        left = np.linalg.norm(found / stretch - matrix @ found - right)
        assert left <= 1.1 * krylov.STEP_RESIDUAL * np.linalg.norm(right)
        assert_allclose(found, expected, rtol=0, atol=0.02 * np.linalg.norm(expected))
    value, mode = Span(lambda v: matrix @ v, right).slowest(1e-6)
    values = np.linalg.eigvals(matrix)
    assert value.real == pytest.approx(values.real.max(), rel=1e-3)
    assert_allclose(matrix @ mode, value.real * mode, rtol=0, atol=1e-3 * np.linalg.norm(mode))
    nothing = Span(lambda v: 0.0 * v, np.zeros(3))
    assert not nothing.step(1.0).any()
    assert nothing.slowest(1e-6)[0] == 0.0


def test_rates_that_are_too_far_apart_are_said(large, monkeypatch) -> None:
    teacher, student = brute.case(SEED, depth=3, condition_noise=20.0)
    large()
    monkeypatch.setattr(krylov, "_MOST_VECTORS", 4)
    monkeypatch.setattr(krylov, "_LOOK", 2)
    with pytest.raises(MethexisError, match=r"slowest rate of an end after 4 products, got none"):
        mx.theory.drift_fixed_point(teacher, student)
