"""Tests of deviations against draws of normal numbers."""

from __future__ import annotations

import numpy as np

from methexis.scenarios.framework.judging import chi_squared, largest

DRAWS = 20_000


def test_probabilities_are_how_often_normal_numbers_do_worse() -> None:
    draws = np.random.default_rng(0).normal(size=(DRAWS, 5))
    seen = [0.5, -2.2, 1.0, 0.1, -0.3]
    chi2, p_value = chi_squared(seen)
    far, far_p = largest(seen)
    assert far == -2.2
    worse = np.mean(np.sum(draws**2, axis=1) >= chi2), np.mean(np.abs(draws).max(axis=1) >= 2.2)
    for share, p in zip(worse, (p_value, far_p), strict=True):
        assert abs(share - p) < 5 * np.sqrt(p * (1 - p) / DRAWS)  # 5 standard errors


def test_nothing_to_judge_is_no_alarm() -> None:
    assert chi_squared([]) == (0.0, 1.0)
    assert largest([]) == (0.0, 1.0)
