"""Which errors of a theory χ² notices, against theories that are wrong on purpose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from methexis.scenarios.breaking.measure import ACCURACY, Point
from methexis.scenarios.breaking.result import POWER, Verdict
from methexis.scenarios.framework.points import EnsembleReading

APART = np.array([0.02, 0.1, 0.3, 0.6])  # 1 − A along a dial
ERRORS = np.array([0.001, 0.002, 0.004, 0.003])


def verdict(gaps: np.ndarray, apart: np.ndarray = APART, error: float = 1e-3) -> Verdict:
    """Points whose measured values are off by so many errors; readings with an error of so much."""
    reading = EnsembleReading(
        small=0.1, lr=0.1, steps=1, replicas=10**6, seed=0, value=0.0, error=error
    )
    points = [
        Point.compared(
            curve="c", problem=0, value=0.0, pair=("a", "b"), predicted=1.0 - p,
            measured=1.0 - p + g * e, error=float(e), dof=10**6, allowed=0.0, judged=True,
            fit_p=1.0, readings=(reading,),
        )
        for p, e, g in zip(apart, ERRORS, gaps, strict=True)
    ]  # fmt: skip
    return Verdict("c", tuple(points))


def test_an_error_of_that_size_is_noticed_as_often_as_is_told() -> None:
    """Of a theory whose 1 − A is too small by that factor; one half as wrong seldom is."""
    rng, off = np.random.default_rng(0), verdict(np.zeros(4)).detects
    assert 0.01 < off < 0.1

    def refused(share: float, draws: int = 600) -> float:
        lean = -share * off * APART / ERRORS
        return float(
            np.mean(
                [not verdict(lean + rng.standard_normal(4)).p_value >= 1e-3 for _ in range(draws)]
            )
        )

    assert abs(refused(1.0) - POWER) < 5 * math.sqrt(POWER * (1 - POWER) / 600)
    assert refused(0.5) < 0.3
    assert refused(0.0) < 0.01


@pytest.mark.parametrize("apart", [np.zeros(4), np.full(4, 1e-13)])
def test_where_all_is_perfect_no_relative_error_is_told(apart: np.ndarray) -> None:
    right = verdict(np.zeros(4), apart=apart)
    assert math.isnan(right.detects)
    assert "notices" not in right.statement
    assert "detects" not in right.summary()


def test_points_without_chance_do_not_count_but_are_judged() -> None:
    exact = verdict(np.array([0.0, 0.0, 0.0, 9.0]), error=ACCURACY)
    assert exact.dof == 0
    assert exact.statement == "4 points without chance, off by 0.03 at most; no χ²"
    assert not exact.agrees  # the largest deviation is still judged
    assert verdict(np.zeros(4)).dof == 4
