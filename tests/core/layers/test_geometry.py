"""Alignment of layers: against N × N Gram matrices, with its invariance group and beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.checks import MethexisError
from methexis.core.layers.geometry import align_maps, align_samples, gram_cosines, kernel_cosine
from methexis.core.linalg import random_covariance, random_orthogonal

SEED = 20250706
# Norms and inner products of matrices of a few dozen entries: 1e-12 is 1e3 roundings or more.
ROUNDING = 1e-12


def maps(seed: int, rows_a: int = 4, rows_b: int = 5, columns: int = 3):
    generator = np.random.default_rng(seed)
    a = generator.standard_normal((rows_a, columns))
    b = generator.standard_normal((rows_b, columns))
    return a, b, random_covariance(columns, 5.0, generator)


def exact_inputs(cov: np.ndarray, seed: int, num: int = 40) -> np.ndarray:
    """Rows whose second moment is ``cov`` to rounding, by two triangular factors."""
    x = np.random.default_rng(seed).standard_normal((num, len(cov)))
    inner = np.linalg.cholesky(x.T @ x / num)
    return x @ np.linalg.inv(inner).T @ np.linalg.cholesky(cov).T


@given(seed=st.integers(0, 2**31 - 1), rows_a=st.integers(1, 6), rows_b=st.integers(1, 6))
@settings(max_examples=40)
def test_by_gram_matrices_of_samples(seed, rows_a, rows_b) -> None:
    a, b, cov = maps(seed, rows_a, rows_b)
    x = exact_inputs(cov, seed)
    gram_a, gram_b = (x @ m.T @ m @ x.T / len(x) for m in (a, b))
    inner = np.sum(gram_a * gram_b)
    cosine = inner / (np.linalg.norm(gram_a) * np.linalg.norm(gram_b))
    scale = inner / np.sum(gram_a**2)
    residual = np.linalg.norm(scale * gram_a - gram_b) / np.linalg.norm(gram_b)
    for found in (align_maps(a, b, cov), align_samples(x @ a.T, x @ b.T)):
        assert_allclose(found.cosine, cosine, rtol=0, atol=ROUNDING)
        assert_allclose(found.scale, scale, rtol=1e-11)  # ratio of small numbers if nearly disjoint
        # A residual near zero is a root of rounding where it is formed from Gram matrices.
        assert_allclose(found.residual, residual, rtol=0, atol=1e-11)
        assert_allclose(found.residual, np.sqrt(max(0, 1 - cosine**2)), rtol=0, atol=1e-7)
        # Optimal rotation: Procrustes by SVD of the samples' cross product.
        u, s, vt = np.linalg.svd(b @ cov @ a.T, full_matrices=False)
        keep = s > 1e-10 * s[0]
        turn = u[:, keep] @ vt[keep]
        h_a, h_b = x @ a.T @ turn.T, x @ b.T
        size = np.sum(h_a * h_b) / np.sum(h_a**2)
        error = np.linalg.norm(size * h_a - h_b) / np.linalg.norm(h_b)
        assert_allclose(found.rotation_error, error, rtol=0, atol=1e-10)
        assert_allclose(found.rotation_scale, size, rtol=1e-10)  # conditions of a and b


@given(seed=st.integers(0, 2**31 - 1), log_scale=st.floats(-6, 6), wider=st.integers(0, 3))
@settings(max_examples=40)
def test_one_on_the_orbit_of_rotations_and_scales(seed, log_scale, wider) -> None:
    a, _, cov = maps(seed)
    scale = 10.0**log_scale
    turn = random_orthogonal(4 + wider, np.random.default_rng(seed))[:, :4]
    found = align_maps(a, scale * turn @ a, cov)
    assert_allclose(found.cosine, 1.0, rtol=0, atol=ROUNDING)
    assert_allclose(found.scale, scale**2, rtol=ROUNDING)
    assert_allclose(found.rotation_scale, scale, rtol=1e-10)
    # Differences are formed directly: no square root of rounding.
    assert found.residual < ROUNDING
    assert found.rotation_error < 1e-10
    live = found.rotation @ a
    assert_allclose(live, turn @ a, rtol=0, atol=1e-9 * np.abs(a).max())  # condition of a aᵀ


@given(seed=st.integers(0, 2**31 - 1))
@settings(max_examples=40)
def test_below_one_off_the_orbit(seed) -> None:
    a, _, cov = maps(seed)
    generator = np.random.default_rng(seed)
    # Singular values 1, 2, 3, 4: a shear that keeps no sphere.
    shear = random_orthogonal(4, generator) @ np.diag([1.0, 2.0, 3.0, 4.0])
    found = align_maps(a, shear @ random_orthogonal(4, generator) @ a, cov)
    # Equality would need equal singular values on the span of a. Over the seeds 0 … 19999 the
    # smallest values were 2.8e-5, .0075 and .016: margins of 280, 75 and 160.
    assert found.cosine < 1 - 1e-7
    assert found.residual > 1e-4
    assert found.rotation_error > 1e-4


def test_inputs_matter_only_through_their_moment() -> None:
    a, b, cov = maps(SEED)
    found = [align_samples(x @ a.T, x @ b.T).cosine for x in (exact_inputs(cov, s) for s in (1, 2))]
    assert_allclose(found[0], found[1], rtol=0, atol=ROUNDING)
    assert abs(align_maps(a, b, np.eye(3)).cosine - found[0]) > 1e-3
    # Uncentred: a common shift of the inputs is part of the moment and is seen.
    x = exact_inputs(cov, 1)
    shifted = align_samples((x + 3.0) @ a.T, (x + 3.0) @ b.T).cosine
    moment = (x + 3.0).T @ (x + 3.0) / len(x)
    assert_allclose(shifted, align_maps(a, b, moment).cosine, rtol=0, atol=ROUNDING)
    assert abs(shifted - found[0]) > 1e-3


def test_few_samples_in_wide_layers() -> None:
    """More features than rows: the Gram matrices of three samples, no covariance of full rank."""
    generator = np.random.default_rng(SEED)
    a, b = generator.standard_normal((3, 50)), generator.standard_normal((3, 20))
    gram_a, gram_b = a @ a.T, b @ b.T
    expected = np.sum(gram_a * gram_b) / np.linalg.norm(gram_a) / np.linalg.norm(gram_b)
    assert_allclose(align_samples(a, b).cosine, expected, rtol=0, atol=ROUNDING)


def test_disjoint_layers() -> None:
    found = align_maps([[1.0, 0.0]], [[0.0, 2.0]], np.eye(2))
    assert (found.cosine, found.scale, found.residual) == (0.0, 0.0, 1.0)
    assert found.rotation_error == 1.0


@given(seed=st.integers(0, 2**31 - 1))
@settings(max_examples=25)
def test_gram_cosines_are_align_maps_in_batches(seed) -> None:
    generator = np.random.default_rng(seed)
    cov = random_covariance(3, 5.0, generator)
    layers = [generator.standard_normal((2, 4, d, 3)) for d in (3, 1, 5)]
    table = gram_cosines(layers, cov)
    assert table.shape == (2, 4, 3, 3)
    for place in np.ndindex(2, 4):
        for i, a in enumerate(layers):
            for j, b in enumerate(layers):
                expected = align_maps(a[place], b[place], cov).cosine
                assert_allclose(table[(*place, i, j)], expected, rtol=0, atol=ROUNDING)
    # One map without leading dimensions is shared by all replicas.
    shared = gram_cosines([layers[0], layers[1][0, 0]], cov)
    assert_allclose(shared[0, 0, 0, 1], table[0, 0, 0, 1], rtol=0, atol=ROUNDING)


def test_gram_cosines_mark_dead_layers() -> None:
    table = gram_cosines([np.eye(2), np.zeros((3, 2)), np.full((1, 2), np.nan)], np.eye(2))
    assert table[0, 0] == pytest.approx(1.0, abs=ROUNDING)
    assert np.isnan(table[0, 1:]).all()
    assert np.isnan(np.diagonal(table)[1:]).all()


@given(seed=st.integers(0, 2**31 - 1))
@settings(max_examples=25)
def test_kernel_cosine(seed) -> None:
    a, b, cov = maps(seed)
    kernels = np.stack([a.T @ a, b.T @ b])
    expected = align_maps(a, b, cov).cosine
    assert_allclose(kernel_cosine(*kernels, cov), expected, rtol=0, atol=ROUNDING)
    both = kernel_cosine(kernels, kernels[0], cov)
    assert_allclose(both, [1.0, expected], rtol=0, atol=ROUNDING)
    assert_allclose(kernel_cosine(7.0 * kernels[0], kernels[1], cov), expected, atol=ROUNDING)


BAD = [
    (([[1.0, np.nan]], [[1.0, 0.0]], np.eye(2)), r"map_a: expected finite numbers, got nan"),
    (([[1.0, 0.0]], [[1.0]], np.eye(2)), r"map_b: expected shape \(any, 2\), got \(1, 1\)"),
    (([[1.0, 0.0]], [[1.0, 0.0]], np.eye(3)), r"cov_x: expected shape \(2, 2\), got \(3, 3\)"),
    (([[0.0, 0.0]], [[1.0, 0.0]], np.eye(2)), r"non-zero layers, got a zero first layer"),
    (([[1.0, 0.0]], [[0.0, 0.0]], np.eye(2)), r"non-zero layers, got a zero second layer"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_maps(arguments, message) -> None:
    with pytest.raises(mx.MethexisError, match=message):
        align_maps(*arguments)


def test_unpaired_samples() -> None:
    with pytest.raises(mx.MethexisError, match="expected paired rows, got 3 and 4"):
        align_samples(np.ones((3, 2)), np.ones((4, 2)))


@pytest.mark.parametrize("factor", [1e-250, 1e-150, 1e150, 1e250])
def test_alignment_of_maps_of_any_size(factor: float) -> None:
    beside = min(max(factor, 1e-150), 1e150)  # of which the square is a number
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 4, 3))
    plain, both, one = (
        align_maps(*maps, np.eye(3)) for maps in ((a, b), (a * factor, b * factor), (a, b * beside))
    )
    for found in (both, one):
        # The factor is no power of two: entries are rounded once more.
        assert_allclose(found.cosine, plain.cosine, rtol=1e-13)
        assert_allclose(found.rotation, plain.rotation, rtol=0, atol=1e-13)
        assert_allclose(found.rotation_error, plain.rotation_error, rtol=1e-13)
    assert_allclose(both.scale, plain.scale, rtol=1e-13)
    assert_allclose(one.rotation_scale, plain.rotation_scale * beside, rtol=1e-13)


def test_scales_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(MethexisError, match="whose scales double precision can compare"):
        align_maps(np.eye(2) * 1e-200, np.eye(2) * 1e200, np.eye(2))
