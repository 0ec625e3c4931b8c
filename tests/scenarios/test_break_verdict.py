"""The verdict of a dial: right predictions pass at the stated rate, wrong ones do not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from methexis.scenarios.breaking import SCENARIOS
from methexis.scenarios.breaking.measure import Point, Reading, compare
from methexis.scenarios.breaking.result import Verdict
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.limit import Distance
from methexis.scenarios.framework.scenario import Cell, Effort
from methexis.scenarios.framework.statistics import jackknife, normal_score

CURVE = SCENARIOS["sampling"].curves[0]
FULL = Effort((0.2, 0.14, 0.1), 32, (0, 1, 2))


def point(value: float, predicted: float, effort: Effort = FULL, error: float = 1e-4) -> Point:
    """A measured ``1 - A`` beside a predicted A."""
    limit = Distance(value, error, math.nan, 1.0, effort.replicas)
    limit = replace(limit, deviation=limit.against(1.0 - predicted))
    cell = Cell(replace(CURVE, full=effort), 0, 5.0, False)
    return compare(cell, pair=("a", "b"), predicted=predicted, limit=limit, readings=(READING,))


READING = Reading(small=0.1, lr=0.1, steps=1, replicas=32, seed=0, value=0.1, error=1e-4)


def test_the_limit_is_compared() -> None:
    found = point(0.1, 0.9)
    assert found.measured == pytest.approx(0.9, abs=1e-12)
    assert found.deviation == pytest.approx(0.0, abs=1e-6)
    away = point(0.1, 0.9 - 3e-4)
    # Three standard errors, of Student's t with 31 degrees of freedom.
    assert away.deviation == pytest.approx(normal_score(3.0, 31), rel=1e-6)
    assert away.deviation < 3.0


def test_a_quick_run_allows_what_its_effort_says() -> None:
    effort = Effort((0.2,), 16, (0, 1, 2), relative=0.1, absolute=0.002)
    found = point(0.105, 0.9, effort)
    assert found.allowed == pytest.approx(0.012)
    assert found.deviation == 0.0
    assert point(0.113, 0.9, effort).deviation < -4.0


def test_deviations_of_a_right_prediction_are_standard_normal() -> None:
    """Jackknifed means of few replicas: the scores have variance 1, not Student's 1.15.

    4000 draws: the variance of a normal sample is known to sqrt(2/4000) = 0.022; five of these.
    """
    generator = np.random.default_rng(0)
    scores = []
    for _ in range(4000):
        value, error = jackknife(float, generator.standard_normal(16))
        scores.append(normal_score(value / error, 15))
    assert np.var(scores) == pytest.approx(1.0, abs=0.11)
    assert scipy.stats.kstest(scores, "norm").pvalue > 0.001


def test_one_bad_point_among_many_is_found() -> None:
    points = [point(0.1, 0.9) for _ in range(40)]
    assert Verdict("c", tuple(points)).agrees
    bad = point(0.1, 0.9 + 6e-4)
    verdict = Verdict("c", (*points, bad))
    assert verdict.p_value > 0.5  # χ² alone would not tell
    assert not verdict.agrees
    assert verdict.outliers == (bad,)


def test_dials_know_their_values() -> None:
    dial = Dial("d", "kind", (0.0, 1.0), scale="names", names=("a", "b"))
    assert dial.label(1.0) == "b"
    assert dial.fine == (0.0, 1.0)
    assert Dial("x", "x", (0.0, 2.0), scale="linear").fine == (0.0, 1.0, 2.0)
