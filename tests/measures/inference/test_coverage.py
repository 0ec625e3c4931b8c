"""Bootstrap intervals cover; ``python -m evidence.coverage`` has all of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from evidence.coverage import coverage
from methexis.measures import CKA, HSIC, Measure


@pytest.mark.slow
@pytest.mark.parametrize(
    "measure",
    [CKA(), CKA(debiased=True), CKA(kernel="rbf", debiased=True), HSIC(debiased=True)],
    ids=lambda m: m.title,
)
@pytest.mark.parametrize(
    "law", ["aligned, d 6", pytest.param("noisy, d 6", marks=pytest.mark.long)]
)
def test_intervals_cover_the_expected_score(measure: Measure[Any], law: str) -> None:
    """95 % within four standard errors of 100 repetitions, and .03 for n = 100 being finite."""
    found = coverage(measure, law, 100, repetitions=100, target_draws=1000)
    assert abs(found.covered - 0.95) < 0.03 + 4.0 * math.sqrt(0.05 * 0.95 / 100)
