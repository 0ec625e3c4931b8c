"""Tests of deviations against draws of normal numbers; seeds of jobs."""

from __future__ import annotations

import numpy as np
import pytest

from methexis.errors import MethexisError
from methexis.scenarios.framework.judging import chi_squared, largest
from methexis.scenarios.framework.runner import first_seed, one_after_another

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


def test_a_job_goes_through_its_parts_in_order() -> None:
    told: list[int] = []
    results, seconds = one_after_another((3, 1, 2), lambda part: 10 * part, told.append)
    assert results == (30, 10, 20)
    assert told == [30, 10, 20]
    assert seconds >= 0.0


def test_the_users_seed_leads_to_other_runs() -> None:
    assert first_seed(7, 0) == 7
    assert first_seed(7, 2) - first_seed(7, 1) == 10**6  # more than a scenario takes
    with pytest.raises(MethexisError, match="seed: expected"):
        first_seed(7, -1)
