"""The gauge orbit: nothing that is observed from outside moves, and minima drawn on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
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
        for charge in mx.theory.charges(weights):
            assert np.abs(charge).max() < 1e-12
    for a, b in zip(brute.kernels(p, turned), brute.kernels(p, plain), strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(b).max())
    # h_i has the spectrum s^{2i/D} of the student's own product: it depends on the layer.
    s = np.linalg.svd(np.linalg.solve(p.exit, p.target) @ np.linalg.inv(p.entry))[1][:2]
    for i, h in enumerate(plain[:-1], start=1):
        assert_allclose(np.linalg.svd(h)[1][:2], s ** (1 / depth), rtol=1e-11)
        assert i < depth
