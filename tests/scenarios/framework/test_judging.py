"""Tests of deviations against draws of normal numbers."""

from __future__ import annotations

import numpy as np

from methexis.scenarios.framework.judging import Verdict, chi_squared, largest
from methexis.scenarios.framework.points import Point

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


def test_what_an_allowance_hides_is_said() -> None:
    """Points inside it add nothing to χ², and a χ² of nothing looks like perfect agreement."""

    def verdict(*gaps: float, allowed: float) -> Verdict[Point]:
        points = (
            Point.compared(predicted=1.0, measured=1.0 + g, error=0.1, dof=31, allowed=allowed)
            for g in gaps
        )
        return Verdict("curve", tuple(points))

    assert verdict(0.1, -0.2, allowed=0.3).statement == "2 points, all within the allowance; no χ²"
    some = verdict(0.1, -0.4, allowed=0.3)
    assert (some.num_within, some.summary()["within_allowance"]) == (1, 1)
    assert some.statement.startswith(f"χ² {some.chi2:.1f} for 2 points, 1 within the allowance (p ")
    assert "allowance" not in verdict(0.0, 0.1, allowed=0.0).statement
