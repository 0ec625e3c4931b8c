"""The gauge orbit: nothing that is observed from outside moves, and minima drawn on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.charges import charges
from tests.theory import brute

SEED = 20250710


@given(seed=st.integers(0, 2**31 - 1), depth=st.integers(2, 5))
@settings(max_examples=25)
def test_gauges_act(seed, depth) -> None:
    teacher, student = brute.case(seed, depth=depth)
    p = brute.plain(teacher, student)
    weights = brute.gaussian_weights(p, seed)
    generator = np.random.default_rng(seed)
    first, second = (
        [np.eye(3) + 0.2 * generator.standard_normal((3, 3)) for _ in student.hidden]
        for _ in range(2)
    )
    moved = mx.theory.apply_gauge(weights, first)
    size = max(1.0, np.abs(brute.product(p, weights)).max())
    # Rounding times the condition of the gauges, a hundred at most but for rare draws.
    assert_allclose(brute.product(p, moved), brute.product(p, weights), rtol=0, atol=1e-9 * size)
    # One after the other is the product; all leading dimensions at once.
    twice = mx.theory.apply_gauge(moved, second)
    once = mx.theory.apply_gauge(weights, [b @ a for a, b in zip(first, second, strict=True)])
    stacked = mx.theory.apply_gauge(
        [np.stack([w, m]) for w, m in zip(weights, moved, strict=True)],
        [np.stack([b @ a, b]) for a, b in zip(first, second, strict=True)],
    )
    for a, b, c in zip(twice, once, stacked, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-9 * np.abs(b).max())
        assert_allclose(c[0], c[1], rtol=0, atol=1e-9 * np.abs(b).max())


@pytest.mark.parametrize("distribution", ["lognormal", "ginibre", "landing"])
@pytest.mark.parametrize(("depth", "rank", "spare"), [(2, 3, 0), (3, 2, 2), (4, 2, 0)])
def test_random_minima_are_minima(distribution, depth, rank, spare) -> None:
    teacher, student = brute.case(SEED, depth=depth, rank=rank, spare=spare)
    p = brute.plain(teacher, student)
    arguments = {"spread": 0.8, "distribution": distribution}
    weights = mx.theory.random_minimum(teacher, student, seed=1, **arguments)
    # Landing stops at a relative gap of 1e-9; the gauges' rounding is smaller.
    assert_allclose(brute.product(p, weights), p.target, rtol=0, atol=1e-8)
    # The loss there is the noise's alone and its Hessian has no negative direction.
    assert_allclose(brute.loss(p, weights), np.trace(teacher.cov_noise), rtol=1e-12)
    values = np.linalg.eigvalsh(brute.hessian(p, weights))
    assert values[0] > -1e-7 * values[-1]  # first order in the gap that is left
    again = mx.theory.random_minimum(teacher, student, seed=1, **arguments)
    other = mx.theory.random_minimum(teacher, student, seed=2, **arguments)
    assert all(np.array_equal(a, b) for a, b in zip(weights, again, strict=True))
    assert not np.allclose(weights[0], other[0])
    if spare:  # spare width is in use: every layer has more than the target's rank
        assert np.linalg.matrix_rank(weights[0]) == min(rank + spare, 3)


@pytest.mark.parametrize("loss", ["squared", "whitened"])
@pytest.mark.parametrize("depth", [2, 3, 5])
def test_balanced_minimum(depth, loss) -> None:
    teacher, student = brute.case(SEED, depth=depth, dim_x=4, rank=2, spare=1)
    p = brute.plain(teacher, student)
    turned = mx.theory.balanced_minimum(teacher, student, loss=loss, seed=4)
    plain = mx.theory.balanced_minimum(teacher, student, loss=loss)
    for weights in (turned, plain):
        assert_allclose(brute.product(p, weights), p.target, rtol=0, atol=1e-12)  # rounding
        for charge in charges(weights):
            assert np.abs(charge).max() < 1e-12
    for a, b in zip(brute.kernels(p, turned), brute.kernels(p, plain), strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())
    # h_i has the spectrum s^{2i/D} of the student's own product: it depends on the layer.
    s = np.linalg.svd(np.linalg.solve(p.exit, p.target) @ np.linalg.inv(p.entry))[1][:2]
    for i, h in enumerate(plain[:-1], start=1):
        assert_allclose(np.linalg.svd(h)[1][:2], s ** (1 / depth), rtol=1e-11)
        assert i < depth


def test_minima_of_a_singular_input_moment() -> None:
    """Only what acts on inputs that occur counts; V itself has a larger rank and another order."""
    source = mx.Teacher(np.diag([1.0, 2.0]), cov_x=np.diag([1.0, 0.0]))
    student = mx.EDLN((3,))
    least = np.trace(source.cov_noise)
    for weights in (
        mx.theory.balanced_minimum(source, student),
        mx.theory.random_minimum(source, student, seed=SEED),
        mx.theory.platonic(source, student).weights,
    ):
        data_map = weights[1] @ weights[0]
        error = (data_map - source.weight) @ source.cov_x @ (data_map - source.weight).T
        assert np.trace(error) <= 1e-20 * least  # rounding, squared


def test_embeddings_that_are_not_square() -> None:
    """Tall E and wide M (docs/theory.md §3.5): balance and the bound hold with pseudo-inverses."""
    generator = np.random.default_rng(SEED)
    source = mx.Teacher.random(3, 2, seed=1, condition_noise=4.0)
    student = mx.EDLN(
        (4, 3),
        embed_in=generator.standard_normal((5, 3)),
        embed_out=generator.standard_normal((2, 4)),
    )
    sol = mx.theory.platonic(source, student)
    assert_allclose(mx.theory.entropy(source, student, sol.weights), sol.entropy, rtol=1e-12)
    assert max(mx.theory.balance(source, student, sol.weights)) < 1e-12
    spectrum = mx.theory.hessian_spectrum(source, student, sol.weights)
    assert_allclose(spectrum.sum(), sol.hessian_trace, rtol=1e-11)
    assert_allclose(spectrum[-1], sol.sharpness, rtol=1e-11)
    for seed in range(5):
        other = mx.theory.random_minimum(source, student, seed=seed)
        assert mx.theory.entropy(source, student, other) > sol.entropy


def test_noise_need_only_reach_the_signal() -> None:
    """Singular noise with rank V̄ = rank V Σx^{1/2}: the bound is reached."""
    source = mx.Teacher([[1.0, 0.5], [1.0, 0.5]], cov_noise=np.diag([1.0, 0.0]))
    student = mx.EDLN((2, 2))
    sol = mx.theory.platonic(source, student)
    assert_allclose(mx.theory.entropy(source, student, sol.weights), sol.entropy, rtol=1e-12)
    assert_allclose(
        mx.theory.hessian_trace(source, student, sol.weights), sol.hessian_trace, rtol=1e-12
    )
