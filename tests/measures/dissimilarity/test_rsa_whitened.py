"""The whitened comparison without its matrix is the one with it, and the matrix is the noise's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import RDM, compare, rsa_whitened
from methexis.measures.dissimilarity.whitening import whitened
from tests.measures.cases import related


def contrasts(n: int) -> Array:
    """Rows ``e_i - e_j`` for the pairs of a condensed RDM."""
    i, j = np.triu_indices(n, 1)
    return np.eye(n)[i] - np.eye(n)[j]


def dense_covariance(n: int, noise: Array | None = None) -> Array:
    c = contrasts(n)
    return (c @ (np.eye(n) if noise is None else noise) @ c.T) ** 2


def dense(a: Array, b: Array, noise: Array | None = None) -> float:
    v = dense_covariance(round((1 + np.sqrt(1 + 8 * len(a))) / 2), noise)
    x, y = np.linalg.solve(v, a), np.linalg.solve(v, b)
    return float(a @ y / np.sqrt(a @ x * (b @ y)))


def noise_of(n: int) -> Array:
    root = np.random.default_rng(1).normal(size=(n, n))
    return root @ root.T / n + 0.3 * np.diag(np.linspace(0.5, 2.0, n))


@pytest.mark.parametrize("with_noise", [False, True])
def test_inner_products_are_those_of_the_dense_solve(with_noise: bool) -> None:
    n = 12
    noise = noise_of(n) if with_noise else None
    a, b = (RDM(np.random.default_rng(s).normal(size=66)) for s in range(2))
    found = np.sum(whitened(a, a.matrix, noise) * whitened(b, b.matrix, noise))
    want = a.condensed @ np.linalg.solve(dense_covariance(n, noise), b.condensed)
    # Rounding, times the condition of the covariance: n without noise, a few thousand with it.
    assert found == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("with_noise", [False, True])
def test_agrees_with_the_dense_formula(with_noise: bool) -> None:
    x, y = related(n=14)
    noise = noise_of(14) if with_noise else None
    a, b = pdist(x, "sqeuclidean"), pdist(y, "sqeuclidean")
    assert rsa_whitened(x, y, noise=noise) == pytest.approx(dense(a, b, noise), abs=1e-10)
    want = dense(a - a.mean(), b - b.mean(), noise)
    found = rsa_whitened(x, y, comparison="correlation", noise=noise)
    assert found == pytest.approx(want, abs=1e-10)  # rounding, as above


def test_of_squared_distances_it_is_linear_cka() -> None:
    x, y = related()
    xc, yc = (v - v.mean(axis=0) for v in (x, y))
    gram = [v @ v.T for v in (xc, yc)]
    want = np.sum(gram[0] * gram[1]) / np.linalg.norm(gram[0]) / np.linalg.norm(gram[1])
    assert rsa_whitened(x, y) == pytest.approx(want, abs=1e-12)  # rounding


def test_the_plain_mean_is_the_weighted_one_without_noise() -> None:
    """Ones are an eigenvector of the covariance, for every pair shares a sample with as many."""
    v = dense_covariance(9)
    assert np.allclose(v @ np.ones(36), 2 * 9, rtol=1e-14)
    assert sorted({round(w, 9) for w in np.linalg.eigvalsh(v)}) == [2.0, 9.0, 18.0]


@pytest.mark.parametrize("with_noise", [False, True])
def test_the_covariance_is_that_of_unbiased_distances(with_noise: bool) -> None:
    """Of pure noise in two partitions: products of differences, 40 000 times.

    A covariance of entries with kurtosis k has a standard error of its largest entry times
    sqrt(k / 40 000); products of normals have k = 9, so .015, of which five are taken.
    """
    n, repeats = 5, 40_000
    noise = noise_of(n) if with_noise else np.eye(n)
    root = np.linalg.cholesky(noise)
    rng = np.random.default_rng(0)
    one, two = (contrasts(n) @ root @ rng.normal(size=(n, repeats)) for _ in range(2))
    found = np.cov(one * two)
    want = dense_covariance(n, noise)
    assert np.abs(found - want).max() < 5 * 0.015 * want.max()


def test_a_covariance_that_is_none_is_refused() -> None:
    x, y = related(n=6)
    with pytest.raises(MethexisError, match="noise: expected a positive definite covariance"):
        rsa_whitened(x, y, noise=np.ones((6, 6)))
    with pytest.raises(MethexisError, match="noise: expected shape"):
        rsa_whitened(x, y, noise=np.eye(5))


def test_permutation_of_the_cached_is_permutation_of_the_rows() -> None:
    x, y = related()
    order = np.random.default_rng(0).permutation(len(x))
    want = rsa_whitened(x, y[order], "correlation")
    a, b = pdist(x, "correlation"), squareform(pdist(y, "correlation"))[np.ix_(order, order)]
    assert dense(a, b[np.triu_indices(40, 1)]) == pytest.approx(want, abs=1e-10)  # rounding
    assert compare(x, y, "rsa_whitened", num_permutations=99).p <= 0.01
