"""Slow motion of adaptive rules: velocities against dense algebra, paths, ends."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten
from methexis.core.problem import Problem
from methexis.theory import (
    adaptive_bound,
    adaptive_drift,
    adaptive_fixed_point,
    adaptive_flow,
    adaptive_minimum,
    adaptive_potential,
    random_minimum,
)
from methexis.theory.adaptive.path import adaptive_velocity
from tests.theory import brute
from tests.theory.adaptive import brute as dense

SEED = 20260302
CASES = [{"depth": 2, "dim_x": 2, "dim_y": 2}, {"depth": 3, "dim_x": 2, "dim_y": 2, "spare": 1}]


@pytest.fixture(scope="module", params=CASES, ids=["D2", "D3-spare"])
def point(request):
    """An uneven problem and a minimum at which nothing is special."""
    teacher, student = brute.case(SEED, **request.param)
    weights = random_minimum(teacher, student, seed=1, spread=0.4)
    return Problem.of(teacher, student), brute.plain(teacher, student), weights


def same(found: list[np.ndarray], expected: np.ndarray) -> None:
    # Differences of the dense side: 1e-4 wide, extrapolated, so about 1e-8 of it.
    assert_allclose(flatten(found), expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_flow_is_that_of_dense_matrices(point) -> None:
    problem, p, weights = point
    same(adaptive_velocity(problem, weights), dense.flow(p, weights))


@pytest.mark.parametrize("x", [0.0, 0.3, 4.0])
def test_drift_is_that_of_the_joint_stationary_law(point, x) -> None:
    problem, p, weights = point
    expected = dense.drift(p, weights, max(x, 1e-9))
    same(adaptive_velocity(problem, weights, memory=x), expected)


def test_batches_enter_by_the_root_of_their_size_alone(point) -> None:
    problem, p, weights = point
    expected = dense.drift(p, weights, 3.0, batch=4)
    same(adaptive_velocity(problem, weights, memory=1.5), expected)


def test_drift_of_even_noise_is_the_flow() -> None:
    teacher, student = brute.case(SEED, condition_noise=1.0)
    problem = Problem.of(teacher, student)
    weights = random_minimum(teacher, student, seed=2)
    flow = flatten(adaptive_velocity(problem, weights))
    drift = flatten(adaptive_velocity(problem, weights, memory=0.0))
    assert_allclose(drift, flow, rtol=0, atol=1e-11 * np.abs(flow).max())  # rounding
    uneven, student = brute.case(SEED, condition_noise=3.0)
    problem = Problem.of(uneven, student)
    flow = flatten(adaptive_velocity(problem, weights))
    drift = flatten(adaptive_velocity(problem, weights, memory=0.0))
    assert np.abs(drift - flow).max() > 1e-2 * np.abs(flow).max()


def test_velocity_stays_on_the_minima_and_lowers_the_potential() -> None:
    for k in range(6):
        teacher, student = brute.case(SEED + k, depth=2 + k % 3, spare=k % 2)
        problem = Problem.of(teacher, student)
        weights = random_minimum(teacher, student, seed=k)
        velocity = flatten(adaptive_velocity(problem, weights))
        p = brute.plain(teacher, student)
        left = brute.jacobian(p, weights) @ velocity
        assert np.abs(left).max() < 1e-10 * np.abs(velocity).max()
        slope = brute.complex_gradient(lambda w, p=p: dense.minimum_potential(p, w), p, weights)
        assert slope @ velocity < 0.0


@pytest.mark.parametrize("spare", [0, 2])
def test_flow_lowers_the_potential_to_the_bound(spare) -> None:
    teacher = mx.Teacher([[3.0, 1.0], [0.0, 1.0]], cov_noise=np.diag([1.0, 2.0]))
    student = mx.EDLN.random(teacher, (2 + spare, 2 + spare), condition=2.0, seed=1)
    start = random_minimum(teacher, student, seed=3, spread=0.4)
    path = adaptive_flow(teacher, student, start, lr=0.1, steps=[0, 30, 300, 3_000], rtol=1e-4)
    potentials = adaptive_potential(teacher, student, path.weights)
    bound = adaptive_bound(teacher, student)
    assert np.all(np.diff(potentials) < 0.0)
    assert potentials[0] > 1.1 * bound
    # Of more than 0.1 the slowest mode has left 1e-3 by then; kernels follow at second order.
    assert -1e-12 < potentials[-1] / bound - 1 < 1e-3
    assert path.worst_pair()[-1] > 1.0 - 1e-3
    # One neuron per mode, and the spare ones carry nothing.
    p = brute.plain(teacher, student)
    h = p.entry
    for w in path.weights[:-1]:
        h = w[-1] @ h
        powers = np.diag(h @ p.cov_x @ h.T)
        assert np.sum(powers > 1e-6 * powers.max()) == 2


def test_the_slow_time_is_that_of_the_learning_rate_alone() -> None:
    teacher, student = brute.case(SEED, depth=2)
    start = random_minimum(teacher, student, seed=1)
    slow = adaptive_flow(teacher, student, start, lr=0.01, steps=[10_000])
    fast = adaptive_flow(teacher, student, start, lr=0.1, steps=[100])
    assert_allclose(flatten(slow.weights), flatten(fast.weights), rtol=1e-12)
    # x = (1-β₂)/(η√B): here 0.5 in both, on the same slow time.
    one = adaptive_drift(teacher, student, start, lr=0.1, beta2=0.95, steps=[100])
    four = adaptive_drift(teacher, student, start, lr=0.1, beta2=0.9, batch=4, steps=[100])
    assert_allclose(flatten(one.weights), flatten(four.weights), rtol=1e-12)


def test_ends_of_even_noise_leave_the_bound_with_memory() -> None:
    teacher, student = brute.case(SEED, depth=2, condition_noise=1.0)
    bound = adaptive_bound(teacher, student)
    excess = []
    for x in (0.0, 0.02, 0.04, 0.5):
        end = adaptive_fixed_point(teacher, student, memory=x)
        assert end.error <= 1e-8
        assert end.rates[0] > 0.0
        excess.append(float(adaptive_potential(teacher, student, end.weights)) / bound - 1)
    assert abs(excess[0]) < 1e-12
    # The force is linear in x where x is small, and U is even about its least value: x².
    assert_allclose(excess[2] / excess[1], 4.0, rtol=0.1)
    assert excess[3] > excess[2] > excess[1] > 0.0


def test_an_end_is_where_the_path_goes() -> None:
    teacher, student = brute.case(SEED, depth=2, dim_x=2, dim_y=2, condition_noise=1.0)
    end = adaptive_fixed_point(teacher, student, memory=0.5)
    start = adaptive_minimum(teacher, student).weights
    steps = int(8 * end.slowest_time / 0.1**2)
    path = adaptive_drift(teacher, student, start, lr=0.1, beta2=0.95, steps=[steps])
    assert_allclose(
        flatten([w[-1] for w in path.weights]), flatten(end.weights), rtol=0, atol=1e-3
    )  # e⁻⁸ of the way is left
    rest = dense.drift(brute.plain(teacher, student), end.weights, 0.5)
    size = dense.drift(brute.plain(teacher, student), start, 0.5)
    assert np.abs(rest).max() < 1e-5 * np.abs(size).max()  # differences of the dense side


def test_uneven_noise_turns_neurons_beyond_a_threshold() -> None:
    """A little unevenness shifts the end; more of it, and neurons exchange modes for ever."""
    weight, student = np.diag([1.3, 1.0]), mx.EDLN((2,))
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])

    def teacher(condition: float) -> mx.Teacher:
        return mx.Teacher(weight, cov_noise=turn @ np.diag([1.0, condition]) @ turn.T)

    end = adaptive_fixed_point(teacher(1.02), student, memory=0.0)
    assert 0.0 < float(adaptive_potential(teacher(1.02), student, end.weights)) / adaptive_bound(
        teacher(1.02), student
    ) - 1 < 1e-3  # fmt: skip
    with pytest.raises(mx.MethexisError, match="steady state"):
        adaptive_fixed_point(teacher(10.0), student, memory=0.0)
    start = adaptive_minimum(teacher(10.0), student).weights
    steps = np.linspace(0, 20_000, 200).astype(int)
    rates = {"lr": 0.1, "beta2": 1 - 1e-9, "steps": steps, "rtol": 1e-3}
    path = adaptive_drift(teacher(10.0), student, start, **rates)
    angle = np.unwrap(np.arctan2(path.weights[0][:, 1, 0], path.weights[0][:, 0, 0]))
    assert abs(angle[-1] - angle[0]) > 2 * np.pi


def test_decay_pulls_weights_together() -> None:
    teacher = mx.Teacher([[1.0], [0.0]])  # W_1 = 1/a, W_2 = a e_1, U = 2 (2/a + a)
    student = mx.EDLN((1,))
    end = adaptive_fixed_point(teacher, student, memory=0.0, decay=2.0)
    a = 1 / float(end.weights[0][0, 0])
    # Along the minima ½ dU + κ Σ D_j θ_j dθ_j = 0, with D = 2a of W_1 and 2/a of entries of W_2.
    slope = 0.5 * 2 * (1 - 2 / a**2) + 2.0 * (2 * a * (1 / a) * (-1 / a**2) + (2 / a) * a)
    assert abs(slope) < 1e-6
    assert a < np.sqrt(2) - 0.05


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("memory", {"memory": -0.1}, "memory: expected"),
        ("decay", {"memory": 0.1, "decay": -1.0}, "decay: expected"),
        ("nan", {"memory": float("nan")}, "memory: expected"),
    ],
)
def test_bad_numbers_of_ends_are_refused(name, arguments, told) -> None:
    del name
    with pytest.raises(mx.MethexisError, match=told):
        adaptive_fixed_point(mx.Teacher(np.eye(2)), mx.EDLN((2,)), **arguments)


def test_a_memory_of_no_end_is_refused() -> None:
    teacher, student = mx.Teacher(np.eye(2)), mx.EDLN((2,))
    start = random_minimum(teacher, student)
    with pytest.raises(mx.MethexisError, match="beta2: expected"):
        adaptive_drift(teacher, student, start, lr=0.1, beta2=1.0, steps=10)
