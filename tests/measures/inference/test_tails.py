"""Tails from three exact moments against permutations; `evidence.tails` prints the table."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evidence.tails import LAWS, LEVELS, MEASURES, tail
from methexis.core.checks import Array
from methexis.errors import DegenerateWarning
from methexis.measures import Measure, NullMoments, compare
from methexis.measures.inference import nulls
from methexis.measures.pairs.bilinear import PairForm
from methexis.measures.pairs.moments import pair_sums
from tests.measures.cases import related

#: By how much of itself a level may be wrong: a Pearson III tail is a model with three moments, and
#: the table shows errors of up to .08, .18 and .35.
MODEL = (0.2, 0.3, 0.5)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda m: m.title)
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(
    ("num_samples", "num_orders"), [(20, 10_000), pytest.param(200, 5000, marks=pytest.mark.slow)]
)
def test_trusted_tails_hold_their_level(
    measure: Measure[PairForm], law: str, num_samples: int, num_orders: int
) -> None:
    """Within the model's error and four standard errors of the count."""
    found = tail(law, measure, num_samples, num_orders)
    if not found.trusted:
        assert found.moments.dominance > nulls.MOST_DOMINANCE
        return
    for level, rate, share in zip(LEVELS, found.pearson, MODEL, strict=True):
        error = math.sqrt(level * (1.0 - level) / num_orders)
        assert abs(rate - level) < share * level + 4.0 * error
    if found.moments.skewness > 0.5:  # what a Gaussian would do to p-values near .001
        assert found.gaussian[2] > 3 * LEVELS[2]


def outlying(seed: int) -> tuple[Array, Array]:
    x, y = related(n=30, seed=seed)
    x[3] *= 100.0
    y[7] *= 100.0
    return x, y


def test_one_dominant_sample_calls_for_permutations() -> None:
    x, y = outlying(0)
    assert compare(x, y, "cka", num_bootstrap=0).null == "permutation"
    assert compare(*related(n=30), "cka", num_bootstrap=0).null == "moments"
    with pytest.warns(DegenerateWarning, match="null='permutation'"):
        assert compare(x, y, "cka", null="moments", num_bootstrap=0).null == "moments"


def test_few_samples_call_for_permutations() -> None:
    assert compare(*related(n=11), "cka", num_bootstrap=0).null == "permutation"
    assert not nulls.trusted(NullMoments(0.0, 1.0, 0.0), 11)
    assert nulls.trusted(NullMoments(0.0, 1.0, 0.0), 12)


def test_dominance_is_a_share() -> None:
    """Of a matrix with one entry and its mirror, each of the two samples has all."""
    matrix = np.zeros((200, 200))
    matrix[3, 5] = matrix[5, 3] = 1.0
    sums = pair_sums(matrix)
    # Both samples' rows and columns hold both entries; centring leaves 1/n² elsewhere.
    assert sums.dominance == pytest.approx(1.0, abs=1e-3)
    equal = pair_sums(np.roll(np.eye(200), 1, axis=1))
    assert equal.dominance == pytest.approx(2.0 / 200, rel=1e-12)
