"""The verdict of a dial: right predictions pass at the stated rate, wrong ones do not."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from methexis.scenarios.breaking import SCENARIOS
from methexis.scenarios.breaking.case import OFFSET
from methexis.scenarios.breaking.measure import Point, Reading, compare
from methexis.scenarios.breaking.result import Verdict
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Effort
from methexis.scenarios.framework.statistics import jackknife, normal_score

CURVE = SCENARIOS["sampling"].curves[0]
SMALL = (0.2, 0.14, 0.1, 0.07)


def point(readings: tuple[Reading, ...], predicted: float, effort: Effort) -> Point:
    return compare(
        CURVE, 0, 5.0, pair=("a", "b"), predicted=predicted, readings=readings, effort=effort
    )


def readings_of(
    values: list[float], errors: list[float], replicas: int = 32
) -> tuple[Reading, ...]:
    return tuple(
        Reading(small=s, lr=s, steps=1, replicas=replicas, seed=0, value=v, error=e)
        for s, v, e in zip(SMALL, values, errors, strict=False)
    )


def test_the_limit_is_compared() -> None:
    """1 - A = 0.1 - ε + 2ε², so the limit is A = 0.9, whatever the readings are."""
    exact = [0.1 - s + 2 * s**2 for s in SMALL]
    found = point(readings_of(exact, [1e-4] * 4), 0.9, Effort(SMALL, 32, OFFSET))
    assert found.measured == pytest.approx(0.9, abs=1e-12)
    assert found.deviation == pytest.approx(0.0, abs=1e-6)
    away = point(readings_of(exact, [1e-4] * 4), 0.9 - 3 * found.error, Effort(SMALL, 32, OFFSET))
    # Three standard errors, of Student's t with 31 degrees of freedom.
    assert away.deviation == pytest.approx(normal_score(3.0, 31), rel=1e-6)
    assert away.deviation < 3.0


def test_a_quick_run_allows_what_its_effort_says() -> None:
    effort = Effort(SMALL[:1], 16, OFFSET, relative=0.1, absolute=0.002)
    found = point(readings_of([0.105], [1e-4], 16), 0.9, effort)
    assert found.allowed == pytest.approx(0.012)
    assert found.deviation == 0.0
    assert point(readings_of([0.113], [1e-4], 16), 0.9, effort).deviation < -4.0


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
    good = [0.1 - s + 2 * s**2 for s in SMALL]
    effort = Effort(SMALL, 32, OFFSET)
    points = [point(readings_of(good, [1e-4] * 4), 0.9, effort) for _ in range(40)]
    assert Verdict("c", tuple(points)).agrees
    bad = point(readings_of(good, [1e-4] * 4), 0.9 + 6 * points[0].error, effort)
    verdict = Verdict("c", (*points, bad))
    assert verdict.p_value > 0.5  # χ² alone would not tell
    assert not verdict.agrees
    assert verdict.outliers == (bad,)


def test_dials_know_their_values() -> None:
    dial = Dial("d", "kind", (0.0, 1.0), scale="names", names=("a", "b"))
    assert dial.label(1.0) == "b"
    assert dial.fine == (0.0, 1.0)
    assert Dial("x", "x", (0.0, 2.0), scale="linear").fine == (0.0, 1.0, 2.0)
