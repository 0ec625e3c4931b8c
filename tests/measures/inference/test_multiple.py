"""Corrections of many p-values, against definitions and against SciPy."""

from __future__ import annotations

import numpy as np
from scipy import stats

from methexis.measures.inference.multiple import false_discovery_rates, holm, max_statistic


def test_holm_rejects_what_its_definition_rejects() -> None:
    """Sorted p-values are rejected while ``p_(k) <= α / (m - k + 1)``."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.random(12) ** 3
        corrected = holm(p)
        for alpha in (0.01, 0.05, 0.2):
            rejected = np.zeros(12, dtype=bool)
            for k, place in enumerate(np.argsort(p)):
                if p[place] > alpha / (12 - k):
                    break
                rejected[place] = True
            np.testing.assert_array_equal(corrected <= alpha, rejected)


def test_false_discovery_rates_are_those_of_scipy() -> None:
    rng = np.random.default_rng(1)
    p = rng.random((5, 7)) ** 2
    expected = stats.false_discovery_control(p.ravel()).reshape(5, 7)
    np.testing.assert_allclose(false_discovery_rates(p), expected, rtol=1e-14)


def test_what_is_no_hypothesis_counts_for_nothing() -> None:
    p = np.array([[np.nan, 0.01], [0.02, np.nan]])
    for correct in (holm, false_discovery_rates):
        found = correct(p)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(p))
        np.testing.assert_array_equal(found[[0, 1], [1, 0]], correct(p[[0, 1], [1, 0]]))
        assert np.isnan(correct(np.full(3, np.nan))).all()


def test_max_statistic_by_counting() -> None:
    rng = np.random.default_rng(2)
    observed, permuted = rng.normal(size=(2, 3)) + 1.0, rng.normal(size=(50, 2, 3))
    found = max_statistic(observed, permuted)
    for i in range(2):
        for j in range(3):
            count = sum(p.max() >= observed[i, j] for p in permuted)
            assert found[i, j] == (1 + count) / 51
    observed[0, 0] = np.nan  # is not searched
    permuted[:, 0, 0] = 100.0
    found = max_statistic(observed, permuted)
    assert np.isnan(found[0, 0])
    assert found[1, 2] < 1.0
    assert np.isnan(max_statistic(np.full(2, np.nan), np.zeros((3, 2)))).all()
