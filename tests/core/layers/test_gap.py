"""The entropic gap is a squared Bures-Wasserstein distance, and one gauge closes it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.gap import canonical_gauge, entropic_gap
from methexis.core.linalg import random_covariance, random_orthogonal

SEED = 20250705


def pair(seed: int, dim: int, condition: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return random_covariance(dim, condition, generator), 0.3 * random_covariance(
        dim, condition, generator
    )


@given(seed=st.integers(0, 2**31 - 1), dim=st.integers(1, 6), condition=st.floats(1.0, 1e4))
@settings(max_examples=40)
def test_is_the_bures_wasserstein_distance(seed, dim, condition) -> None:
    a, b = pair(seed, dim, condition)
    root = scipy.linalg.sqrtm(a).real
    expected = np.trace(a + b - 2 * scipy.linalg.sqrtm(root @ b @ root).real)
    # A difference of traces: rounding is relative to them. A Schur root at condition 1e8 of the
    # product keeps eight digits fewer on its smallest eigenvalues, hence 1e-11.
    assert_allclose(entropic_gap(a, b), expected, rtol=0, atol=1e-11 * np.trace(a + b))


@pytest.mark.parametrize("dim", [2, 3])
def test_is_the_distance_of_optimal_transport(dim) -> None:
    """W2² between two Gaussians: least E‖u - v‖² over couplings, by optimisation over them."""
    a, b = pair(SEED, dim)
    left, right = np.linalg.cholesky(a), np.linalg.cholesky(b)

    # u = L s, v = R (O s): correlations of couplings have norm at most one; the optimum is at O.
    def cost(flat: np.ndarray) -> float:
        skew = flat.reshape(dim, dim)
        turn = scipy.linalg.expm(skew - skew.T)
        return float(np.sum((left - right @ turn) ** 2))

    found = min(
        scipy.optimize.minimize(cost, np.random.default_rng(s).standard_normal(dim * dim)).fun
        for s in range(2)
    )
    # The minimiser stops at a gradient of 1e-5; the value is second order in it.
    assert_allclose(entropic_gap(a, b), found, rtol=1e-8)


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_is_what_a_gauge_can_save(dim) -> None:
    a, b = pair(SEED, dim)

    def cost(flat: np.ndarray) -> float:
        half = flat.reshape(dim, dim)
        gauge = scipy.linalg.expm((half + half.T) / 2)
        back = np.linalg.inv(gauge)
        return float(np.trace(back.T @ a @ back) + np.trace(gauge @ b @ gauge.T))

    least = scipy.optimize.minimize(cost, np.zeros(dim * dim), options={"gtol": 1e-9}).fun
    # Second order in the minimiser's gradient, relative to the traces.
    assert_allclose(entropic_gap(a, b), np.trace(a + b) - least, atol=1e-9 * np.trace(a + b))


@given(seed=st.integers(0, 2**31 - 1), dim=st.integers(1, 6))
@settings(max_examples=40)
def test_canonical_gauge_balances_and_only_in_its_orientation(seed, dim) -> None:
    a, b = pair(seed, dim)
    gauge = canonical_gauge(a, b)
    back = np.linalg.inv(gauge)
    out, into = back.T @ a @ back, gauge @ b @ gauge.T
    size = np.trace(out)
    # Rounding times the condition (10) of each covariance.
    assert_allclose(out, into, rtol=0, atol=1e-12 * size)
    assert abs(entropic_gap(out, into)) < 1e-12 * size
    assert_allclose(2 * size, np.trace(a + b) - entropic_gap(a, b), rtol=1e-11)
    # The wrong way round it does not balance: A and B differ in size by 0.3 at least.
    wrong_out, wrong_into = gauge.T @ a @ gauge, back @ b @ back.T
    assert np.linalg.norm(wrong_out - wrong_into) > 0.1 * np.linalg.norm(wrong_out)
    swapped = canonical_gauge(b, a)
    back = np.linalg.inv(swapped)
    assert np.linalg.norm(back.T @ a @ back - swapped @ b @ swapped.T) > 0.1 * size


def test_gauge_leaves_a_network_s_function_and_lowers_its_entropy() -> None:
    """On a student: same product, equal gradient covariances, entropy lower by exactly the gap."""
    teacher = mx.Teacher.random(3, 3, condition_noise=3.0, seed=1)
    student = mx.EDLN.random(teacher, (3,), seed=2)
    weights = mx.theory.random_minimum(teacher, student, seed=3, spread=0.7)
    a_map = student.embed_out @ weights[1]
    b_map = weights[0] @ student.embed_in @ student.view.matrix
    tail = student.embed_in @ student.view.matrix
    # E[G1 G1ᵀ] and E[G2ᵀ G2] at a minimum, from docs/theory.md (1.6)
    out = 4 * a_map.T @ teacher.cov_noise @ a_map * np.trace(tail @ teacher.cov_x @ tail.T)
    strength = np.trace(student.embed_out.T @ teacher.cov_noise @ student.embed_out)
    into = 4 * strength * b_map @ teacher.cov_x @ b_map.T
    gauge = canonical_gauge(out, into)
    moved = mx.theory.apply_gauge(weights, [gauge])
    assert_allclose(moved[1] @ moved[0], weights[1] @ weights[0], rtol=0, atol=1e-12)
    assert mx.theory.balance(teacher, student, moved)[0] < 1e-12
    saved = mx.theory.entropy(teacher, student, weights) - mx.theory.entropy(
        teacher, student, moved
    )
    assert_allclose(saved, entropic_gap(out, into), rtol=1e-10)  # a difference: two digits less
    # One hidden layer: balance there is the Platonic point.
    assert_allclose(
        mx.theory.entropy(teacher, student, moved),
        mx.theory.entropy_bound(teacher, student),
        rtol=1e-12,
    )


@given(seed=st.integers(0, 2**31 - 1), dim=st.integers(1, 5))
@settings(max_examples=30)
def test_invariance_and_its_failure(seed, dim) -> None:
    a, b = pair(seed, dim)
    turn = random_orthogonal(dim, np.random.default_rng(seed))
    turned = entropic_gap(turn @ a @ turn.T, turn @ b @ turn.T)
    atol = 1e-12 * np.trace(a + b)  # rounding of the traces that are subtracted
    assert_allclose(turned, entropic_gap(a, b), rtol=0, atol=atol)
    assert_allclose(entropic_gap(b, a), entropic_gap(a, b), rtol=0, atol=atol)
    assert abs(entropic_gap(a, a)) < atol
    # Not invariant under other gauges: that is its purpose.
    back = np.diag(0.5 + np.arange(dim))
    gauge = np.linalg.inv(back)
    other = entropic_gap(back @ a @ back, gauge @ b @ gauge)
    assert abs(other - entropic_gap(a, b)) > 1e-6 * np.trace(a + b)


def test_singular_covariances() -> None:
    """The infimum is still given; the gauge that attains it does not exist and is refused."""
    a, b = np.diag([1.0, 0.0]), np.diag([4.0, 9.0])
    assert_allclose(entropic_gap(a, b), 1 + 13 - 2 * 2, rtol=1e-14)
    with pytest.raises(
        mx.ConditionError, match=r"full-rank gradients: expected .* of rank 2, got rank 1"
    ):
        canonical_gauge(a, b)
    with pytest.raises(mx.MethexisError, match=r"one shape, got \(2, 2\) and \(3, 3\)"):
        entropic_gap(a, np.eye(3))


def test_batches() -> None:
    many = [pair(s, 3) for s in range(2)]
    stacked = entropic_gap(np.stack([a for a, _ in many]), np.stack([b for _, b in many]))
    assert_allclose(stacked, [entropic_gap(a, b) for a, b in many], rtol=1e-12)  # rounding
