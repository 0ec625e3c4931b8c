"""Entropic flow and relaxation: velocities, ends, rates, against dense brute force."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten, unflatten
from methexis.core.problem import Problem
from methexis.theory import flow
from methexis.theory.flow import entropic_velocity
from methexis.theory.relaxation import relaxation_eigenvalues
from tests.theory import brute

SEED = 20250711
BOTH = pytest.mark.parametrize("loss", ["squared", "whitened"])


@BOTH
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_velocity(depth, loss) -> None:
    teacher, student = brute.case(SEED, depth=depth, dim_x=2, spare=1, rank=2)
    p = brute.plain(teacher, student, loss)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    found = flatten(entropic_velocity(Problem.of(teacher, student, loss), weights))
    expected = brute.flow_velocity(p, weights)
    # Rounding times the condition of J Jᵀ.
    assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


@pytest.fixture(scope="module")
def path():
    """The path of a student far from the Platonic point, with what it needs."""
    teacher, student = brute.case(SEED, depth=3, dim_x=2, dim_y=2)
    slowest = mx.theory.relaxation(teacher, student, lr=1.0)
    start = mx.theory.random_minimum(teacher, student, seed=1, spread=0.5)
    end = slowest.slow_time(1e5)
    steps = [0, *np.geomspace(1e-3 * end, end, 30)]
    found = mx.theory.entropic_flow(teacher, student, start, lr=1.0, steps=steps, rtol=1e-9)
    return teacher, student, start, found


def test_entropy_falls_along_the_path_to_its_bound(path) -> None:
    teacher, student, start, found = path
    entropy = mx.theory.entropy(teacher, student, found.weights)
    bound = mx.theory.entropy_bound(teacher, student)
    assert_allclose(entropy[0], mx.theory.entropy(teacher, student, start), rtol=1e-9)
    # Strictly down until the integrator's tolerance (1e-9 of the weights) is all that is left.
    fall = np.diff(entropy)
    assert np.all(fall < 1e-8 * bound)
    assert np.all(fall[:20] < 0)
    # Deviations of order one have fallen by 1e5; the excess goes with their square.
    assert 0 <= entropy[-1] / bound - 1 < 1e-8


def test_path_stays_on_the_minima_and_ends_platonic(path) -> None:
    teacher, student, _, found = path
    p = brute.plain(teacher, student)
    for k in range(len(found.slow_time)):
        layers = [w[k] for w in found.weights]
        assert_allclose(brute.product(p, layers), p.target, rtol=0, atol=1e-9)
    kernel = mx.theory.universal_kernel(teacher)
    first = [brute.alignment(k, kernel, p) for k in brute.kernels(p, [w[0] for w in found.weights])]
    last = [brute.alignment(k, kernel, p) for k in brute.kernels(p, [w[-1] for w in found.weights])]
    assert min(first) < 0.99
    assert min(last) > 1 - 1e-8  # as the excess of entropy


def test_path_is_the_integral_of_the_brute_force_velocity(path) -> None:
    teacher, student, start, found = path
    p = brute.plain(teacher, student)
    at = found.slow_time[15]
    solution = scipy.integrate.solve_ivp(
        lambda _, theta: brute.flow_velocity(p, brute.unpack(theta, p)),
        (0.0, at),
        brute.pack(start),
        method="DOP853",
        rtol=1e-9,
        atol=1e-11,
    )
    expected = solution.y[:, -1]
    moved = np.abs(expected - brute.pack(start)).max()
    assert moved > 0.05
    # Two integrators at 1e-9 per step over some hundred steps, one of them projected.
    assert_allclose(flatten([w[15] for w in found.weights]), expected, rtol=0, atol=1e-6)


def test_slow_time_is_all_that_counts() -> None:
    """η²t/((1-β)²B) collapses paths of other learning rates, batches and momenta."""
    teacher, student = brute.case(SEED, depth=2)
    start = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    settings = [
        {"lr": 0.1, "steps": [0, 40, 80]},
        {"lr": 0.05, "steps": [0, 160, 320]},
        {"lr": 0.1, "batch": 4, "steps": [0, 160, 320]},
        {"lr": 0.05, "momentum": 0.5, "steps": [0, 40, 80]},
    ]
    paths = [mx.theory.entropic_flow(teacher, student, start, **s) for s in settings]
    for other in paths[1:]:
        assert_allclose(other.slow_time, [0.0, 0.4, 0.8], rtol=1e-13)
        for a, b in zip(paths[0].weights, other.weights, strict=True):
            assert_allclose(a, b, rtol=0, atol=1e-12)  # slow times differ by rounding


def test_replicas_and_default_times() -> None:
    teacher, student = brute.case(SEED, depth=2)
    members = [mx.theory.random_minimum(teacher, student, seed=s, spread=0.3) for s in range(3)]
    stacked = [np.stack(w) for w in zip(*members, strict=True)]
    found = mx.theory.entropic_flow(teacher, student, stacked, lr=0.1, steps=64)
    assert found.weights[0].shape == (65, 3, 3, 3)
    assert_allclose(found.slow_time, 0.01 * np.arange(65), rtol=1e-12)
    for k, member in enumerate(members):
        alone = mx.theory.entropic_flow(teacher, student, member, lr=0.1, steps=64)
        for a, b in zip(found.weights, alone.weights, strict=True):
            assert_allclose(a[:, k], b, rtol=0, atol=1e-5)  # steps chosen together: rtol 1e-7 each


def test_modified_flow_follows_the_entropic_loss() -> None:
    """dθ/dt = -∇F, off the minima and on them, with F summed over samples."""
    teacher, student = brute.case(SEED, depth=2, dim_x=2, dim_y=2)
    p = brute.plain(teacher, student)
    lr, batch = 0.05, 2
    start = brute.gaussian_weights(p, SEED)
    found = mx.theory.modified_flow(
        teacher, student, start, lr=lr, batch=batch, steps=[0, 1, 2, 3], rtol=1e-9
    )

    def entropic(weights: list[np.ndarray]) -> complex | float:
        mean = brute.gradient(p, weights)
        noise = (1 - 1 / batch) * (mean @ mean) + brute.entropy(p, weights) / batch
        return brute.loss(p, weights) + lr / 4 * noise

    solution = scipy.integrate.solve_ivp(
        lambda _, theta: -brute.complex_gradient(entropic, p, brute.unpack(theta, p)),
        (0.0, 3 * lr),
        brute.pack(start),
        method="DOP853",
        rtol=1e-10,
        atol=1e-12,
    )
    assert_allclose(found.slow_time, lr**2 / batch * np.arange(4), rtol=1e-12)
    layers = [w[-1] for w in found.weights]
    assert_allclose(flatten(layers), solution.y[:, -1], rtol=0, atol=1e-6)  # BDF at 1e-9 a step
    assert_allclose(
        mx.theory.entropic_loss(teacher, student, layers, lr=lr, batch=batch),
        entropic(layers),
        rtol=1e-11,
    )


@pytest.mark.parametrize("batch", [1, 3])
def test_modified_flow_of_large_students_is_that_of_small_ones(batch, monkeypatch) -> None:
    """The stabilised integrator beside the implicit one, both to a tolerance of 1e-8 a step."""
    teacher, student = brute.case(SEED, depth=3, dim_x=2, dim_y=2)
    start = brute.gaussian_weights(brute.plain(teacher, student), SEED)
    paths, reports = [], []
    for most in (10**9, 1):
        monkeypatch.setattr(flow, "MOST_IMPLICIT", most)
        paths.append(
            mx.theory.modified_flow(
                teacher, student, start, lr=0.01, batch=batch, steps=[0, 10, 1000], rtol=1e-8,
                progress=reports.append,
            )
        )  # fmt: skip
        steps = [report.step for report in reports]
        assert steps == sorted(steps)
        assert steps[-1] == 1000
        assert len(steps) > 10
        reports.clear()
    for a, b in zip(*(path.weights for path in paths), strict=True):
        assert np.abs(a[-1] - a[0]).max() > 0.1
        assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())  # a hundred steps and more
    monkeypatch.setattr(flow, "_MOST_STAGES", 20)
    with pytest.raises(mx.MethexisError, match=r"within 20 evaluations, got to .* after 21"):
        mx.theory.modified_flow(teacher, student, start, lr=0.01, steps=1000)


def test_modified_flow_s_slow_part_is_the_entropic_flow() -> None:
    """At fixed slow time the two differ by the order of η."""
    teacher, student = brute.case(SEED, depth=2, dim_x=2, dim_y=2, noise=0.3)
    start = mx.theory.random_minimum(teacher, student, seed=1, spread=0.3)
    p = brute.plain(teacher, student)
    tau, distances = 0.5, []
    slow = mx.theory.entropic_flow(teacher, student, start, lr=1.0, steps=[0, tau])
    ends = brute.kernels(p, [w[-1] for w in slow.weights])
    for lr in (0.01, 0.005, 0.0025):
        full = mx.theory.modified_flow(
            teacher, student, start, lr=lr, steps=[0, tau / lr**2], rtol=1e-8
        )
        kernels = brute.kernels(p, [w[-1] for w in full.weights])
        distances.append(max(np.abs(a - b).max() for a, b in zip(kernels, ends, strict=True)))
    orders = np.log2(np.divide(distances[:-1], distances[1:]))
    assert_allclose(orders, 1.0, atol=0.15)  # the next order is a share η of the first


# --- relaxation ----------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(("depth", "spare"), [(2, 0), (3, 0), (3, 1), (4, 0)])
def test_eigenvalues_are_the_linearised_flow(depth, spare, loss) -> None:
    teacher, student = brute.case(SEED, depth=depth, dim_x=2, dim_y=2, spare=spare, rank=2)
    p = brute.plain(teacher, student, loss)
    weights = mx.theory.platonic(teacher, student, loss=loss).weights
    theta, basis = brute.pack(weights), brute.tangent_basis(p, weights)
    width = 1e-4
    columns = [
        (
            brute.flow_velocity(p, brute.unpack(theta + width * t, p))
            - brute.flow_velocity(p, brute.unpack(theta - width * t, p))
        )
        / (2 * width)
        for t in basis.T
    ]
    linear = basis.T @ np.array(columns).T
    # The platonic point is a rest point and a gradient flow linearises symmetrically.
    assert_allclose(linear, linear.T, rtol=0, atol=1e-5 * np.abs(linear).max())
    expected = np.linalg.eigvalsh(-4 * (linear + linear.T) / 2)
    problem = Problem.of(teacher, student, loss)
    found = relaxation_eigenvalues(problem, weights)
    # Central differences of width 1e-4: 1e-8 times third derivatives.
    assert_allclose(found, expected, rtol=0, atol=1e-5 * expected[-1])
    result = mx.theory.relaxation(teacher, student, lr=0.1, batch=2, momentum=0.5, loss=loss)
    assert len(result.eigenvalues) + result.num_zero_modes == basis.shape[1]
    # Zero modes are the null space of the brute-force linearisation; without spare width they are
    # the rotations of each hidden plane, one per layer.
    assert result.num_zero_modes == np.sum(np.abs(expected) < 1e-5 * expected[-1])
    if not spare:
        assert result.num_zero_modes == depth - 1
    assert_allclose(result.rates, result.eigenvalues * 0.04 / 8, rtol=1e-13)
    assert_allclose(result.slowest_steps, 1 / result.rates[0], rtol=1e-13)


def test_path_decays_at_the_predicted_rate() -> None:
    """Excess entropy falls as e^{-μτ/2}, deviations as e^{-μτ/4}, in every eigendirection."""
    teacher, student = brute.case(SEED, depth=3, dim_x=2, dim_y=2)
    problem = Problem.of(teacher, student)
    sol = mx.theory.platonic(teacher, student)
    result = mx.theory.relaxation(teacher, student, lr=1.0)
    generator = np.random.default_rng(SEED)
    start = [w + 1e-2 * generator.standard_normal(w.shape) for w in sol.weights]
    tau = result.slow_time(10.0)
    steps = [0, 2 * tau, 3 * tau]
    found = mx.theory.entropic_flow(teacher, student, start, lr=1.0, steps=steps, rtol=1e-11)
    excess = mx.theory.entropy(teacher, student, found.weights) / sol.entropy - 1
    # Late enough for the slowest mode alone: the next is left with (1e-2)^{μ2/μ1 - 1} of its share,
    # squared; nonlinearity adds a share of the deviation, 1e-4 by then.
    gap = result.eigenvalues[1] / result.eigenvalues[0]
    assert gap > 1.2
    rate = -2 * np.log(excess[2] / excess[1]) / tau
    assert_allclose(rate, result.eigenvalues[0], rtol=max(1e-2, 1e-4 ** (gap - 1) * gap))
    # Each mode alone, by the velocity itself: d(deviation)/dτ = -μ/4 deviation.
    assert_allclose(
        flatten(entropic_velocity(problem, sol.weights)), 0.0, rtol=0, atol=1e-11 * sol.entropy
    )


def test_unflatten_is_ours() -> None:
    """The reference and the package order parameters alike; the comparisons above rely on it."""
    teacher, student = brute.case(SEED, depth=3)
    p = brute.plain(teacher, student)
    theta = np.arange(float(sum(a * b for a, b in p.shapes)))
    for a, b in zip(unflatten(theta, p.dims), brute.unpack(theta, p), strict=True):
        assert np.array_equal(a, b)
