"""Sources: exact moments of designs, laws of draws, and the folding of one student's data."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.linalg import (
    flatten,
    inverse_psd,
    inverse_sqrt_psd,
    random_conditioned,
    random_covariance,
    random_orthogonal,
    rank,
    sqrt_psd,
    unflatten,
)

SEED = 20250707


@given(
    seed=st.integers(0, 2**31 - 1),
    dim_x=st.integers(1, 5),
    dim_y=st.integers(1, 4),
    extra_x=st.integers(0, 5),
    extra_noise=st.integers(1, 5),
)
@settings(max_examples=40)
def test_product_design_has_exact_moments(seed, dim_x, dim_y, extra_x, extra_noise) -> None:
    teacher = mx.Teacher.random(dim_x, dim_y, condition_x=4.0, condition_noise=9.0, seed=seed)
    num_x, num_noise = dim_x + extra_x, dim_y + extra_noise
    data = teacher.product_samples(num_x, num_noise, seed=seed)
    assert data.num_samples == num_x * num_noise
    noise = data.y - data.x @ teacher.weight.T
    # The correction divides by the smallest eigenvalue of a square Gaussian design's moment, which
    # may be 1e-4 of the largest or worse in a draw; 1e-8 bounds its root's share of rounding.
    size_x, size_noise = np.trace(teacher.cov_x), np.trace(teacher.cov_noise)
    assert_allclose(data.x.T @ data.x / len(noise), teacher.cov_x, rtol=0, atol=1e-8 * size_x)
    assert_allclose(noise.mean(0), 0.0, rtol=0, atol=1e-8 * np.sqrt(size_noise))
    moment = noise.T @ noise / len(noise)
    assert_allclose(moment, teacher.cov_noise, rtol=0, atol=1e-8 * size_noise)
    # All pairs: mixed moments of any order factor.
    powers_x = np.einsum("na,nb->nab", data.x, data.x)
    powers_noise = np.einsum("na,nb->nab", noise, noise)
    mixed = np.einsum("nab,ncd->abcd", powers_x, powers_noise) / len(noise)
    factored = np.einsum("ab,cd->abcd", powers_x.mean(0), powers_noise.mean(0))
    assert_allclose(mixed, factored, rtol=0, atol=1e-12 * np.abs(mixed).max())  # rounding
    x_rows = {tuple(row) for row in data.x}
    assert len(x_rows) == num_x


def test_product_design_of_usual_size_is_exact_to_rounding() -> None:
    teacher = mx.Teacher.random(4, 3, condition_x=4.0, condition_noise=9.0, seed=0)
    data = teacher.product_samples(64, 32, seed=1)
    # A well-conditioned design: sums of 2048 rows leave 1e-13 or less.
    assert_allclose(data.cov_x, teacher.cov_x, rtol=0, atol=1e-13)
    assert_allclose(data.cov_noise, teacher.cov_noise, rtol=0, atol=1e-13)
    assert_allclose(data.weight, teacher.weight, rtol=0, atol=1e-13)
    third = np.einsum("na,nb,nc->abc", data.x, data.x, data.y - data.x @ teacher.weight.T)
    assert np.abs(third).max() / 2048 < 1e-13  # odd in the noise


def test_draws_have_the_moments_in_law() -> None:
    teacher = mx.Teacher.random(3, 2, condition_x=4.0, condition_noise=9.0, seed=0)
    num = 40_000
    data = teacher.samples(num, seed=SEED)
    z = np.hstack([data.x, data.y - data.x @ teacher.weight.T])
    exact = np.zeros((5, 5))
    exact[:3, :3], exact[3:, 3:] = teacher.cov_x, teacher.cov_noise
    # var(z_a z_b) = Σ_aa Σ_bb + Σ_ab² for Gaussians; five standard errors on each of 15 entries.
    variance = np.outer(np.diag(exact), np.diag(exact)) + exact**2
    assert np.all(np.abs(z.T @ z / num - exact) < 5 * np.sqrt(variance / num))
    # Kurtosis of each direction is Gaussian: var of z⁴ is 96 for unit variance.
    white = z @ inverse_sqrt_psd(exact)
    assert np.all(np.abs((white**4).mean(0) - 3) < 5 * np.sqrt(96 / num))


def test_seeds() -> None:
    teacher = mx.Teacher.random(3, 2, seed=0)
    for draw in (
        lambda s: teacher.samples(5, seed=s),
        lambda s: teacher.product_samples(4, 4, seed=s),
    ):
        assert np.array_equal(draw(1).y, draw(1).y)
        assert not np.array_equal(draw(1).y, draw(2).y)
    again = mx.Teacher.random(3, 2, seed=0)
    assert np.array_equal(teacher.weight, again.weight)
    assert not np.array_equal(teacher.weight, mx.Teacher.random(3, 2, seed=1).weight)


@given(
    seed=st.integers(0, 2**31 - 1),
    dims=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    noise=st.floats(1e-3, 1e3),
    condition=st.floats(1.0, 100.0),
)
@settings(max_examples=30)
def test_random_teacher_is_as_specified(seed, dims, noise, condition) -> None:
    most = min(dims)
    modes = 1 + seed % most
    teacher = mx.Teacher.random(
        *dims,
        modes,
        noise=noise,
        condition=condition,
        condition_x=3.0,
        condition_noise=7.0,
        seed=seed,
    )
    assert teacher.rank == modes
    values = np.linalg.svd(teacher.weight, compute_uv=False)[:modes]
    # Rounding times the condition (1e2).
    assert_allclose(values[0] / values[-1], condition if modes > 1 else 1.0, rtol=1e-10)
    for cov, expected in ((teacher.cov_x, 3.0), (teacher.cov_noise, 7.0)):
        assert_allclose(np.linalg.cond(cov), expected if len(cov) > 1 else 1.0, rtol=1e-10)
    signal = np.trace(teacher.weight @ teacher.cov_x @ teacher.weight.T)
    assert_allclose(np.trace(teacher.cov_noise), noise * signal, rtol=1e-12)


def test_samples_moments_by_loops() -> None:
    generator = np.random.default_rng(SEED)
    x, y = generator.standard_normal((9, 2)), generator.standard_normal((9, 3))
    data = mx.Samples(x, y)
    moment, cross = np.zeros((2, 2)), np.zeros((3, 2))
    for a, b in zip(x, y, strict=True):
        moment += np.outer(a, a) / 9
        cross += np.outer(b, a) / 9
    weight = np.linalg.solve(moment, cross.T).T
    assert_allclose(data.cov_x, moment, rtol=0, atol=1e-14)  # rounding
    assert_allclose(data.weight, weight, rtol=0, atol=1e-13)
    rest = sum(np.outer(b - weight @ a, b - weight @ a) for a, b in zip(x, y, strict=True)) / 9
    assert_allclose(data.cov_noise, rest, rtol=0, atol=1e-13)


def test_samples_with_dependent_columns() -> None:
    """The least-norm map is the least-squares map where the inputs are degenerate."""
    generator = np.random.default_rng(SEED)
    x = generator.standard_normal((9, 2))
    x = np.hstack([x, x[:, :1]])
    y = generator.standard_normal((9, 2))
    expected = np.linalg.lstsq(x, y, rcond=None)[0].T
    assert_allclose(mx.Samples(x, y).weight, expected, rtol=0, atol=1e-13)  # rounding


def test_arrays_are_private_and_read_only() -> None:
    x = np.ones((2, 2))
    data = mx.Samples(x, x)
    x[0, 0] = 5.0
    assert data.x[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        data.x[0, 0] = 2.0
    with pytest.raises(AttributeError):
        data.x = x


# --- linear algebra ------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**31 - 1), dim=st.integers(1, 6), log_scale=st.floats(-20, 20))
@settings(max_examples=40)
def test_roots_at_rank_deficiency_and_scale(seed, dim, log_scale) -> None:
    generator = np.random.default_rng(seed)
    modes = int(generator.integers(1, dim + 1))
    basis = random_orthogonal(dim, generator)[:, :modes]
    values = 10.0**log_scale * generator.uniform(0.5, 2.0, modes)
    matrix = (basis * values) @ basis.T
    for function, power in ((sqrt_psd, 0.5), (inverse_sqrt_psd, -0.5), (inverse_psd, -1.0)):
        expected = (basis * values**power) @ basis.T
        # Rounding relative to the largest entry, condition 4: no digit is lost to the null space.
        size = np.abs(expected).max()
        assert_allclose(function(matrix), expected, rtol=0, atol=1e-13 * size)
    assert rank(matrix) == modes


@given(seed=st.integers(0, 2**31 - 1), dim=st.integers(1, 6), condition=st.floats(1.0, 1e4))
@settings(max_examples=30)
def test_random_matrices(seed, dim, condition) -> None:
    generator = np.random.default_rng(seed)
    turn = random_orthogonal(dim, generator)
    assert_allclose(turn @ turn.T, np.eye(dim), rtol=0, atol=1e-13)
    matrix = random_conditioned(dim, condition, generator)
    expected = condition if dim > 1 else 1.0
    assert_allclose(np.linalg.cond(matrix), expected, rtol=1e-10)  # rounding times 1e4
    assert_allclose(abs(np.linalg.det(matrix)), 1.0, rtol=1e-10)
    cov = random_covariance(dim, condition, generator)
    assert np.array_equal(cov, cov.T)
    assert_allclose(np.linalg.cond(cov), expected, rtol=1e-10)


def test_random_orthogonal_is_haar() -> None:
    """Haar moments: E Q = 0 and E Q_ij² = 1/d. QR without its signs fixed fails the first."""
    draws = np.stack([random_orthogonal(3, np.random.default_rng(s)) for s in range(2000)])
    # var Q_ij = 1/3; var Q_ij² = 2(d-1)/(d²(d+2)) = 4/45. Five standard errors.
    assert np.abs(draws.mean(0)).max() < 5 * np.sqrt(1 / 3 / 2000)
    assert np.abs((draws**2).mean(0) - 1 / 3).max() < 5 * np.sqrt(4 / 45 / 2000)


@given(dims=st.lists(st.integers(1, 5), min_size=2, max_size=5), lead=st.integers(0, 2))
def test_flatten_round_trip(dims, lead) -> None:
    shape = (2, 3)[:lead]
    count = sum(a * b for a, b in itertools.pairwise(dims))
    vector = np.arange(float(np.prod(shape, dtype=int) * count)).reshape(*shape, count)
    layers = unflatten(vector, dims)
    assert [w.shape[lead:] for w in layers] == [(b, a) for a, b in itertools.pairwise(dims)]
    assert np.array_equal(flatten(layers), vector)


@pytest.mark.parametrize(
    ("labels", "num_classes", "message"),
    [
        ([0.0, 1.0], None, "labels: expected one integer per sample, got dtype float64"),
        ([[0], [1]], None, "labels: expected one integer per sample, got dtype int64"),
        ([-1, 1], None, "labels: expected classes in [0, 1], got -1 … 1"),
        ([0, 3], 3, "labels: expected classes in [0, 2], got 0 … 3"),
        ([0, 1, 1], None, "Samples: expected paired rows, got 2 inputs and 3 labels"),
    ],
)
def test_bad_classes(labels, num_classes, message) -> None:
    with pytest.raises(mx.MethexisError) as caught:
        mx.Samples.classes([[1.0], [2.0]], labels, num_classes)
    assert message in str(caught.value)


def test_classes_may_have_no_samples() -> None:
    assert mx.Samples.classes([[1.0]], [1], 4).y.tolist() == [[0.0, 1.0, 0.0, 0.0]]
