"""Slow drift of independent samples: velocity, agreement with the flow, rotating fixed point."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import flatten
from methexis.core.problem import Problem
from methexis.theory.fixed_points import drift
from methexis.theory.flow import entropic_velocity
from tests.theory import brute

SEED = 20250712
LOSSES = ["squared", "whitened"]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("depth", "rank", "spare"), [(2, 2, 0), (2, 2, 1), (3, 2, 0), (3, 1, 0)])
def test_velocity(depth, rank, spare, loss) -> None:
    """Against the dense Hessian, SciPy's Lyapunov solver and differences of Tr(H(θ)Y)."""
    teacher, student = brute.case(
        SEED, depth=depth, dim_x=2, dim_y=2, rank=rank, spare=spare, condition_noise=20.0
    )
    p = brute.plain(teacher, student, loss)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    expected = brute.drift_velocity(p, weights)
    found = flatten(drift.drift_velocity(Problem.of(teacher, student, loss), weights))
    # Richardson: truncation 1e-12, rounding 1e-16 of H's size over 1e-3, times conditions.
    assert_allclose(found, expected, rtol=0, atol=1e-8 * np.abs(expected).max())
    # Both are tangent: F stands still.
    moved = brute.jacobian(p, weights) @ found
    assert np.abs(moved).max() < 1e-10 * np.abs(found).max()


@pytest.mark.parametrize("loss", LOSSES)
def test_velocity_where_residuals_depend_on_inputs(loss) -> None:
    """The same, from the gradients of all samples: noise along V x, stronger for larger x."""
    teacher, student = brute.case(SEED, depth=3, dim_x=2, dim_y=2)
    design = teacher.product_samples(num_x=3, num_noise=3, seed=1)
    clean = design.x @ teacher.weight.T
    noise = (design.y - clean) * clean**2
    noise -= noise.reshape(3, 3, 2).mean(axis=1).repeat(3, axis=0)  # so that V stays V
    data = mx.Samples(design.x, clean + noise)
    p = brute.plain(data, student, loss)
    weights = mx.theory.random_minimum(data, student, seed=1, spread=0.4, loss=loss)
    expected = brute.drift_velocity(p, weights)
    problem = Problem.of(data, student, loss)
    found = flatten(drift.drift_velocity(problem, weights))
    assert_allclose(found, expected, rtol=0, atol=1e-8 * np.abs(expected).max())
    # It is not what the second moment of the residual alone would give.
    separate = np.kron(problem.cov_noise, np.eye(2))
    assert np.abs(problem.noise_moment - separate).max() > 0.1 * np.abs(separate).max()


@pytest.mark.parametrize("depth", [2, 3])
def test_covariance_of_the_sample_gradient(depth) -> None:
    """Σ_g = 4 Jᵀ(Σε ⊗ Σx)J, on which (5.7) rests; and Σ_g = 2σ²H for isotropic noise."""
    teacher, student = brute.case(SEED, depth=depth, dim_x=2, condition_noise=20.0)
    p = brute.plain(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    jacobian = brute.jacobian(p, weights)
    found = brute.gradient_covariance(p, weights)
    expected = 4 * jacobian.T @ np.kron(p.cov_noise, p.cov_x) @ jacobian
    assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())  # rounding
    white = brute.plain(teacher, student, "whitened")
    found = brute.gradient_covariance(white, weights)
    expected = 2 * brute.hessian(white, weights)
    assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())  # cond 20


def difference(teacher, student, loss="squared", seed=1) -> float:
    problem = Problem.of(teacher, student, loss)
    weights = mx.theory.random_minimum(teacher, student, seed=seed, spread=0.4)
    slow = flatten(drift.drift_velocity(problem, weights))
    flow = flatten(entropic_velocity(problem, weights))
    return float(np.linalg.norm(slow - flow) / np.linalg.norm(flow))


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_drift_is_the_flow_exactly_when_noise_is_even(depth) -> None:
    uneven, student = brute.case(SEED, depth=depth, spare=1, condition_noise=10.0)
    even, _ = brute.case(SEED, depth=depth, spare=1, condition_noise=1.0)
    # Equal in exact arithmetic; rounding times the condition of J Jᵀ.
    assert difference(even, student) < 1e-9
    assert difference(uneven, student, "whitened") < 1e-9
    assert difference(uneven, student) > 1e-2
    assert difference(even, student, "whitened") < 1e-9
    # One output: every noise is even.
    scalar, other = brute.case(SEED, depth=depth, dim_y=1)
    assert difference(scalar, other) < 1e-9
    # An orthogonal label map keeps noise even, a shear does not; the whitened loss repairs it.
    for matrix, loss, equal in (
        (np.diag([1.0, -1.0, 1.0]), "squared", True),
        (np.diag([1.0, 2.0, 3.0]), "squared", False),
        (np.diag([1.0, 2.0, 3.0]), "whitened", True),
    ):
        taught = mx.EDLN(student.hidden, view=mx.View(label_matrix=matrix))
        assert (difference(even, taught, loss) < 1e-9) == equal


def test_narrow_networks_have_nothing_to_rotate() -> None:
    """With all hidden widths one the drifts agree for any noise: the converse is no theorem."""
    teacher, student = brute.case(SEED, depth=3, rank=1, condition_noise=50.0)
    assert student.hidden == (1, 1)
    assert difference(teacher, student) < 1e-9


@pytest.mark.parametrize("depth", [2, 3])
def test_both_drifts_obey_the_averaged_charge_law(depth) -> None:
    """(5.10): dC/dτ = E[G_{i+1}ᵀG_{i+1} - G_iG_iᵀ] along either, even where they differ."""
    teacher, student = brute.case(SEED, depth=depth, condition_noise=10.0)
    p = brute.plain(teacher, student)
    problem = Problem.of(teacher, student)
    weights = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    rows = brute.sample_gradients(p, weights)
    for velocity in (drift.drift_velocity, entropic_velocity):
        moved = velocity(problem, weights)
        for i in range(depth - 1):
            rate = weights[i + 1].T @ moved[i + 1] - moved[i] @ weights[i].T
            expected = np.einsum("n,nba,nbc->ac", p.mass, rows[i + 1], rows[i + 1]) - np.einsum(
                "n,nab,ncb->ac", p.mass, rows[i], rows[i]
            )
            size = np.abs(expected).max()
            assert_allclose(rate + rate.T, expected, rtol=0, atol=1e-10 * size)  # conditions


def test_path_is_the_integral_of_the_brute_force_velocity() -> None:
    teacher, student = brute.case(SEED, depth=2, dim_x=2, dim_y=2, condition_noise=20.0)
    p = brute.plain(teacher, student)
    start = mx.theory.random_minimum(teacher, student, seed=1, spread=0.4)
    speed = np.linalg.norm(brute.drift_velocity(p, start))
    tau = 0.3 * np.linalg.norm(brute.pack(start)) / speed
    found = mx.theory.slow_drift(teacher, student, start, lr=1.0, steps=[0, tau], rtol=1e-9)
    solution = scipy.integrate.solve_ivp(
        lambda _, theta: brute.drift_velocity(p, brute.unpack(theta, p)),
        (0.0, tau),
        brute.pack(start),
        rtol=1e-6,
        atol=1e-8,
    )
    assert np.abs(solution.y[:, -1] - brute.pack(start)).max() > 0.03
    # The reference's velocity is good to 1e-8 and its integrator to 1e-6 a step, some ten steps.
    assert_allclose(flatten([w[-1] for w in found.weights]), solution.y[:, -1], rtol=0, atol=1e-4)
    other = mx.theory.entropic_flow(teacher, student, start, lr=1.0, steps=[0, tau])
    assert np.abs(flatten([w[-1] for w in other.weights]) - solution.y[:, -1]).max() > 1e-3


# --- the explicit instance of docs/theory.md -----------------------------------------------------

INSTANCE = mx.Teacher([[1.0, 1.0], [0.0, 0.5]], cov_noise=np.diag([0.04, 1.0]))


def dense_velocity(theta: np.ndarray, depth: int) -> np.ndarray:
    """Drift of the instance by another road: dense J, and Tr(H Y) differentiated through J."""

    def jacobian(at: np.ndarray) -> np.ndarray:
        layers = [at[..., 4 * i : 4 * i + 4].reshape(*at.shape[:-1], 2, 2) for i in range(depth)]
        blocks = []
        for i in range(depth):
            a = b = np.broadcast_to(np.eye(2), (*at.shape[:-1], 2, 2))
            for w in layers[:i]:
                b = w @ b
            for w in reversed(layers[i + 1 :]):
                a = a @ w
            blocks.append(np.einsum("...ab,...cd->...adbc", a, b).reshape(*at.shape[:-1], 4, 4))
        return np.concatenate(blocks, axis=-1)

    j = jacobian(theta)
    normal = np.linalg.qr(j.T)[0]
    noise = np.kron(INSTANCE.cov_noise, np.eye(2))
    reduced = j @ normal
    y = (
        normal
        @ scipy.linalg.solve_continuous_lyapunov(
            2 * reduced.T @ reduced, 4 * reduced.T @ noise @ reduced
        )
        @ normal.T
    )
    steps = jacobian(theta + 1j * brute.STEP * np.eye(len(theta))).imag / brute.STEP
    force = -2 * np.einsum("ra,krb,ab->k", j, steps, y)
    return force - normal @ (normal.T @ force)


@pytest.mark.parametrize(
    ("depth", "misalignment", "excess"),
    # 1 - A of every hidden layer and S/S_min, both by the dense road below.
    [(2, [0.011484], 1.017275), (3, [0.005771, 0.034587], 1.035999)],
)
def test_explicit_instance(depth, misalignment, excess) -> None:
    student = mx.EDLN((2,) * (depth - 1))
    p = brute.plain(INSTANCE, student)
    kernel = mx.theory.universal_kernel(INSTANCE)
    found = mx.theory.drift_fixed_point(INSTANCE, student)
    solution = scipy.integrate.solve_ivp(
        lambda _, theta: dense_velocity(theta, depth),
        (0.0, 30.0),
        brute.pack(mx.theory.random_minimum(INSTANCE, student, seed=3, spread=0.4)),
        method="LSODA",
        rtol=1e-9,
        atol=1e-11,
    )
    for weights in (found.weights, brute.unpack(solution.y[:, -1], p)):
        layers = [1 - brute.alignment(k, kernel, p) for k in brute.kernels(p, weights)]
        ratio = brute.minimum_entropy(p, weights) / mx.theory.entropy_bound(INSTANCE, student)
        # Printed to six decimals. Slow time 30 leaves e^{-30·1.1/4·2} of the start's deviation.
        assert_allclose(layers, misalignment, rtol=0, atol=2e-6)
        assert_allclose(ratio, excess, rtol=0, atol=2e-6)


def test_rotation_of_the_explicit_instance() -> None:
    found = mx.theory.drift_fixed_point(INSTANCE, mx.EDLN((2,)))
    (omega,) = found.rotations
    assert np.array_equal(omega, -omega.T)
    assert_allclose(abs(omega[0, 1]), 0.18183, atol=1e-5)  # printed to five digits
    # dW_1/dτ = Ω W_1 by the dense road: sign and size.
    theta = flatten(found.weights)
    velocity = dense_velocity(theta, 2)
    first, last = velocity[:4].reshape(2, 2), velocity[4:].reshape(2, 2)
    # What no rotation explains: 1e-8 of a speed of order ten, over weights of order one.
    assert_allclose(first @ np.linalg.inv(found.weights[0]), omega, rtol=0, atol=1e-6)
    assert_allclose(np.linalg.inv(found.weights[1]) @ last, -omega, rtol=0, atol=1e-6)


@pytest.mark.parametrize("depth", [2, 3])
def test_charges_turn_at_the_fixed_point(depth) -> None:
    """(5.11): Q = [Ω, C] with the sample gradients' own Q; the other sign fails."""
    student = mx.EDLN((2,) * (depth - 1))
    p = brute.plain(INSTANCE, student)
    found = mx.theory.drift_fixed_point(INSTANCE, student)
    rows = brute.sample_gradients(p, found.weights)
    for i in range(depth - 1):
        q = np.einsum("n,nba,nbc->ac", p.mass, rows[i + 1], rows[i + 1]) - np.einsum(
            "n,nab,ncb->ac", p.mass, rows[i], rows[i]
        )
        c = found.weights[i + 1].T @ found.weights[i + 1] - found.weights[i] @ found.weights[i].T
        expected = found.rotations[i] @ c - c @ found.rotations[i]
        size = np.abs(expected).max()
        assert size > 1e-2  # balance is really broken
        assert_allclose(q, expected, rtol=0, atol=1e-6 * max(1.0, size))  # as the rotation above
        assert np.abs(q + expected).max() > size
    assert max(mx.theory.balance(INSTANCE, student, found.weights)) > 1e-2


def test_fixed_point_does_not_depend_on_the_start() -> None:
    student = mx.EDLN((2,))
    p = brute.plain(INSTANCE, student)
    first = mx.theory.drift_fixed_point(INSTANCE, student)
    start = mx.theory.random_minimum(INSTANCE, student, seed=5, spread=0.5)
    second = mx.theory.drift_fixed_point(INSTANCE, student, weights=start)
    a, b = brute.kernels(p, first.weights)[0], brute.kernels(p, second.weights)[0]
    assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(a).max())  # stopping rule 1e-8, over the rate
    # A point of the steady rotation stays on it: the kernel stands still while the weights turn.
    path = mx.theory.slow_drift(INSTANCE, student, first.weights, lr=1.0, steps=[0, 4], rtol=1e-9)
    end = [w[-1] for w in path.weights]
    assert_allclose(brute.kernels(p, end)[0], a, rtol=0, atol=1e-6 * np.abs(a).max())
    angle = 4 * first.rotations[0][0, 1]
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    assert_allclose(end[0], turn @ first.weights[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_even_noise_ends_at_the_platonic_point(loss) -> None:
    source = INSTANCE if loss == "whitened" else mx.Teacher(INSTANCE.weight)
    student = mx.EDLN((2,))
    start = mx.theory.random_minimum(source, student, seed=2, spread=0.4)
    found = mx.theory.drift_fixed_point(source, student, weights=start, loss=loss)
    sol = mx.theory.platonic(source, student, loss=loss)
    entropy = mx.theory.entropy(source, student, found.weights, loss=loss)
    # The speed left is 1e-8; the excess goes with its square, rounding is what remains.
    assert_allclose(entropy, sol.entropy, rtol=1e-10)
    assert np.abs(found.rotations[0]).max() < 1e-6


def test_a_drift_without_an_end_is_said() -> None:
    """Along directions without noise the entropy has no minimum: weights move for ever."""
    source = mx.Teacher(np.eye(2), cov_noise=np.diag([1.0, 0.0]))
    start = mx.theory.random_minimum(source, mx.EDLN((2,)), seed=1, spread=0.3)
    with pytest.raises(mx.MethexisError, match=r"slow drift: expected a steady state within"):
        mx.theory.drift_fixed_point(source, mx.EDLN((2,)), weights=start)


@pytest.mark.parametrize("depth", [2, 3])
def test_rates_are_those_of_the_path_itself(depth: int) -> None:
    """A deviation of the kernel decays along `slow_drift` at the slowest rate of the end.

    After slow time 9 the next modes (rates 2.26 and 2.29 against 0.85 and 0.97) have fallen e^12
    further; from there to 11 the deviation falls as the slowest mode says. For depth 3 that mode
    turns as it decays, so only its size over a whole turn is known; hence the factor.
    """
    student = mx.EDLN((2,) * (depth - 1))
    p = brute.plain(INSTANCE, student)
    found = mx.theory.drift_fixed_point(INSTANCE, student)
    start = mx.theory.random_minimum(INSTANCE, student, seed=5, spread=0.5)
    path = mx.theory.slow_drift(INSTANCE, student, start, lr=1.0, steps=[9, 11], rtol=1e-11)
    ends = brute.kernels(p, found.weights)
    left = [
        max(
            np.abs(a - b).max()
            for a, b in zip(brute.kernels(p, [w[i] for w in path.weights]), ends, strict=True)
        )
        for i in range(2)
    ]
    turns = np.isclose(found.rates[0], found.rates[1])
    assert left[0] > 1e-6  # far above the 1e-8 of speed that is left at the fixed point
    assert np.log(left[0] / left[1]) / 2 == pytest.approx(
        found.rates[0], rel=0.5 if turns else 0.02
    )


@pytest.mark.parametrize("scale", [1e-8, 1e8])
@pytest.mark.parametrize("depth", [2, 3])
def test_the_fixed_point_does_not_depend_on_units(depth: int, scale: float) -> None:
    """V -> cV, Σε -> c²Σε is a change of the labels' unit: the kernels stay, to the 1e-8 of speed
    left, which a drift of unit relaxation turns into about as much of the kernel.
    """
    student = mx.EDLN((2,) * (depth - 1))
    scaled = mx.Teacher(scale * INSTANCE.weight, cov_noise=scale**2 * INSTANCE.cov_noise)
    maps = []
    for source in (INSTANCE, scaled):
        found = mx.theory.drift_fixed_point(source, student)
        hidden = found.weights[0]
        maps.append(hidden.T @ hidden / np.sum(hidden**2))
    assert_allclose(maps[1], maps[0], rtol=0, atol=1e-6)
