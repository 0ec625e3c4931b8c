"""Distances in units of the noise: against loops and peers, and without bias in expectation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.covariance import ledoit_wolf

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import crossnobis, mahalanobis, noise_covariance, rdm, residuals
from tests.measures.cases import related


def noise_of(d: int, seed: int = 0) -> Array:
    root = np.random.default_rng(seed).normal(size=(d, d))
    return root @ root.T / d + 0.2 * np.eye(d)


def design(conditions: int, partitions: int, repeats: int = 1) -> tuple[Array, Array]:
    """Condition and partition of every measurement, in an order that is not sorted."""
    table = np.tile(np.arange(conditions), partitions * repeats)
    parts = np.repeat(np.arange(partitions), conditions * repeats)
    order = np.random.default_rng(5).permutation(len(table))
    order = np.concatenate([[int(np.flatnonzero(table[order] == 0)[0])], order])  # 0 comes first
    order = order[np.sort(np.unique(order, return_index=True)[1])]
    return table[order], parts[order]


def looped(x: Array, conditions: Array, partitions: Array, precision: Array) -> Array:
    """The formula as it is written, over the conditions in order of appearance."""
    names = list(dict.fromkeys(conditions.tolist()))
    parts = sorted(set(partitions.tolist()))
    mean = {
        (i, p): x[(conditions == i) & (partitions == p)].mean(axis=0) for i in names for p in parts
    }
    found = np.zeros((len(names), len(names)))
    for a, i in enumerate(names):
        for b, j in enumerate(names):
            for p in parts:
                for q in parts:
                    if p != q:
                        first, second = mean[i, p] - mean[j, p], mean[i, q] - mean[j, q]
                        found[a, b] += first @ precision @ second
    return found / (len(parts) * (len(parts) - 1))


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("partitions", [2, 4])
def test_crossnobis_is_its_formula(partitions: int, repeats: int) -> None:
    conditions, parts = design(5, partitions, repeats)
    x = np.random.default_rng(0).normal(size=(len(parts), 6)) + 3.0 * conditions[:, None] + 50.0
    noise = noise_of(6)
    for covariance in (None, noise):
        precision = np.eye(6) if covariance is None else np.linalg.inv(covariance)
        found = crossnobis(x, conditions, parts, covariance)
        want = looped(x, conditions, parts, precision)
        assert found.matrix == pytest.approx(want, rel=1e-10, abs=1e-10)  # rounding
        assert found.labels == tuple(map(str, dict.fromkeys(conditions.tolist())))
        assert found.dissimilarity == "crossnobis"


def test_crossnobis_has_no_bias_and_mahalanobis_has() -> None:
    """Means over 4000 experiments within five of their own standard errors of the true distances.

    Two of the six patterns are equal: there the mean must be zero, and entries be negative.
    """
    conditions, parts = np.tile(np.arange(6), 3), np.repeat(np.arange(3), 6)
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(6, 4))
    patterns[1] = patterns[0]
    noise = noise_of(4)
    root = np.linalg.cholesky(noise)
    true = squareform(pdist(patterns, "mahalanobis", VI=np.linalg.inv(noise)) ** 2)
    crossed, plain = [], []
    for _ in range(4000):
        x = patterns[conditions] + rng.normal(size=(18, 4)) @ root.T
        crossed.append(crossnobis(x, conditions, parts, noise).matrix)
        plain.append(mahalanobis(x.reshape(3, 6, 4).mean(axis=0), noise).matrix)
    for found, bias in ((np.array(crossed), 0.0), (np.array(plain), 2 * 4 / 3)):  # 2 d / P
        above = np.triu_indices(6, 1)
        error = found.mean(axis=0) - true - bias
        standard = found.std(axis=0) / np.sqrt(len(found))
        assert np.all(np.abs(error[above]) < 5 * standard[above])
    assert true[0, 1] == 0.0
    assert 0.3 < np.mean(np.array(crossed)[:, 0, 1] < 0.0) < 0.7


def test_an_estimated_covariance_makes_no_bias_either() -> None:
    """The residuals of Gaussian noise know nothing of the means."""
    conditions, parts = np.tile(np.arange(4), 6), np.repeat(np.arange(3), 8)  # each pair twice
    rng = np.random.default_rng(1)
    root = np.linalg.cholesky(noise_of(3))
    within, across = [], []
    for _ in range(2000):
        x = rng.normal(size=(24, 3)) @ root.T  # all patterns are equal
        for found, given in ((within, parts), (across, None)):
            covariance, _ = noise_covariance(residuals(x, conditions, given)[0])
            found.append(crossnobis(x, conditions, parts, covariance).condensed)

    def bias(found: list[Array]) -> Array:
        """In standard errors, per entry."""
        found_mean = np.mean(found, axis=0)
        return np.asarray(found_mean / (np.std(found, axis=0) / np.sqrt(2000)))

    assert np.all(np.abs(bias(within)) < 5)
    assert np.all(bias(across) > 3)  # residuals across partitions know of what is multiplied


def test_mahalanobis_agrees_with_scipy() -> None:
    x = related()[0]
    noise = noise_of(6)
    found = mahalanobis(x, noise, labels=[str(i) for i in range(40)])
    want = pdist(x, "mahalanobis", VI=np.linalg.inv(noise)) ** 2
    assert found.condensed == pytest.approx(want, rel=1e-10)  # condition of the covariance: < 100
    assert mahalanobis(x, np.eye(6)).matrix == pytest.approx(rdm(x, "squared").matrix, rel=1e-14)


@pytest.mark.parametrize("shape", [(20, 5), (10, 30), (200, 8)])
def test_ledoit_wolf_is_that_of_scikit_learn(shape: tuple[int, int]) -> None:
    errors = np.random.default_rng(0).normal(size=shape) * np.arange(1, shape[1] + 1) + 3.0
    found, share = noise_covariance(errors, degrees_of_freedom=shape[0])
    want, shrinkage = ledoit_wolf(errors)
    assert share == pytest.approx(shrinkage, rel=1e-10)  # rounding
    assert found == pytest.approx(want, rel=1e-10, abs=1e-12 * want.max())


def correlation_share(errors: Array) -> float:
    """Schäfer and Strimmer's share, correlation by correlation, from their products of scores."""
    m, d = errors.shape
    z = (errors - errors.mean(axis=0)) / errors.std(axis=0, ddof=1)
    variance = size = 0.0
    for k in range(d):
        for j in range(d):
            if k != j:
                w = z[:, k] * z[:, j]
                variance += m / (m - 1) ** 3 * np.sum((w - w.mean()) ** 2)
                size += (m / (m - 1) * w.mean()) ** 2
    return variance / size


def test_diagonal_shrinkage_keeps_variances() -> None:
    """Schäfer and Strimmer divide the variance once by m and once by m - 1: equal to 1 / m."""
    errors = np.random.default_rng(0).normal(size=(50, 4)) @ noise_of(4)
    found, share = noise_covariance(errors, "diagonal")
    plain = np.cov(errors.T)
    assert np.diag(found) == pytest.approx(np.diag(plain), rel=1e-12)  # rounding
    off = ~np.eye(4, dtype=bool)
    assert found[off] == pytest.approx((1.0 - share) * plain[off], rel=1e-12)
    assert share == pytest.approx(correlation_share(errors), rel=0.05)
    assert noise_covariance(errors, "none")[0] == pytest.approx(plain, rel=1e-12)


def test_shrinkage_finds_an_inverse_where_there_is_none() -> None:
    errors = np.random.default_rng(0).normal(size=(10, 30))
    x = np.random.default_rng(1).normal(size=(6, 30))
    for shrinkage in ("ledoit_wolf", "diagonal"):
        assert np.isfinite(mahalanobis(x, noise_covariance(errors, shrinkage)[0]).matrix).all()
    with pytest.raises(MethexisError, match="covariance: expected"):
        mahalanobis(x, np.ones((30, 30)))


def test_residuals_leave_out_the_means() -> None:
    conditions, parts = design(5, 3, 2)
    x = np.random.default_rng(0).normal(size=(30, 4))
    for given, group in ((None, conditions), (parts, conditions + 5 * parts)):
        left, freedom = residuals(x, conditions, given)
        fitted = (group[:, None] == np.unique(group)).astype(np.float64)
        want = x - fitted @ np.linalg.lstsq(fitted, x, rcond=None)[0]
        assert left == pytest.approx(want, abs=1e-12)  # rounding
        assert freedom == 30 - fitted.shape[1]


FOUR = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: crossnobis(np.eye(4), FOUR, [1] * 4), "partitions: expected at least 2"),
        (lambda: crossnobis(np.eye(4), FOUR, [1, 1, 2, 2]), "no measurement of 'c' in 1"),
        (lambda: crossnobis(np.eye(4), FOUR[:3], [1] * 4), "conditions: expected 4 labels"),
        (lambda: crossnobis(np.eye(8), FOUR * 2, [1] * 4 + [2] * 4, np.eye(3)), "covariance: exp"),
        (lambda: residuals(np.eye(4), FOUR), "measured twice, got 4"),
        (lambda: residuals(np.eye(4), ["a", "a", "b", "b"], [1, 2, 1, 2]), "twice in one partit"),
        (lambda: noise_covariance([[1.0, 2.0]]), "residuals: expected at least 2 rows"),
        (lambda: noise_covariance([[1.0, 2.0], [1.0, 3.0]]), "zero variance in feature 0"),
        (lambda: noise_covariance(np.eye(3), "oas"), "shrinkage: expected one of"),
    ],
)
def test_bad_input_is_one_sentence(call: Any, message: str) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
