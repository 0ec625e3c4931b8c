"""Chance level from one pass: the exact moments of whole arrays, and a bound of p that holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import DegenerateWarning
from methexis.measures.streaming import stream
from methexis.measures.streaming.chance import Chance
from tests.measures.cases import VARIANTS, label, related

KERNELS = [measure for measure in VARIANTS if measure.streams_null]


@pytest.mark.parametrize("measure", KERNELS, ids=label)
@pytest.mark.parametrize("shift", [0.0, 50.0])
def test_moments_are_those_of_whole_arrays(
    measure: Any, shift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("methexis.measures.streaming.pass_moments.MOST_ROWS", 13)
    x, y = related(n=60)
    found = stream(x + shift, y, measure).chances[measure.title]
    wanted = mx.compare(x + shift, y, measure, null="moments", num_bootstrap=0)
    assert found is not None
    # Sums of squares of what is centred: rounding alone.
    assert found.mean == pytest.approx(wanted.null_mean, rel=1e-9, abs=1e-12)
    assert found.sd == pytest.approx(wanted.null_sd, rel=1e-9)
    assert found.most_likely(wanted.score) >= wanted.p


def test_there_are_kernels_to_test() -> None:
    assert len(KERNELS) >= 6


def test_the_bound_holds_where_it_is_tight() -> None:
    """Scores of 999 orders: no tail is heavier than the bound."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_t(3, size=(2, 40, 2))
    measure = mx.measures.CKA()
    level = stream(x, y, measure).chances[measure.title]
    assert level is not None
    orders = np.array([rng.permutation(40) for _ in range(999)])
    scores = np.array([mx.measures.cka(x, y[order]) for order in orders])
    for score in np.quantile(scores, [0.5, 0.9, 0.99]):
        # 4 standard errors of a share of 999 orders are at most .07.
        assert np.mean(scores >= score) <= level.most_likely(score) + 0.07


def test_others_have_none() -> None:
    x, y = related(n=60)
    found = stream(x, y, ["procrustes", "cca"])
    assert set(found.chances.values()) == {None}


def _outlier() -> Any:
    x = np.zeros((50, 3))
    x[0, 0] = 1.0
    return x


@pytest.mark.parametrize(
    "x",
    [_outlier(), np.eye(50), 1.7 * np.eye(50), np.diag(np.arange(1.0, 51.0))],
    ids=["outlier", "equal", "scaled", "different"],
)
@pytest.mark.parametrize("both", [False, True])
def test_no_score_where_kernels_are_zero_between_samples(x: Any, both: bool) -> None:
    """Song's sums of squares are then rounding of either sign: two negative ones must not score."""
    y = x if both else np.random.default_rng(0).normal(size=(50, 5))
    measure = mx.measures.CKA(debiased=True)
    with pytest.warns(DegenerateWarning, match="is NaN"):
        found = stream(x, y, measure)
    with pytest.warns(DegenerateWarning, match="is NaN"):
        wanted = mx.compare(x, y, measure, num_permutations=9, num_bootstrap=0)
    assert np.isnan([found.scores[measure.title], wanted.score]).all()
    assert found.chances[measure.title] is None


@pytest.mark.parametrize("size", [1e-100, 1.0, 1e60])
def test_normalisers_neither_vanish_nor_overflow(size: float) -> None:
    x, y = related(n=60)
    measure = mx.measures.CKA(debiased=True)
    found = stream(size**0.5 * x, y, measure).scores[measure.title]
    assert found == pytest.approx(stream(x, y, measure).scores[measure.title], rel=1e-9)


def _frame(n: int, seed: int) -> Any:
    """Orthogonal rows of equal lengths, which no rounding error spares."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


@pytest.mark.parametrize("measure", KERNELS, ids=label)
@pytest.mark.parametrize("n", [10, 50, 200])
@pytest.mark.parametrize("rows", [13, 8192])
@pytest.mark.filterwarnings("ignore:.*is NaN:methexis.errors.DegenerateWarning")
def test_no_significance_where_all_orders_score_the_same(
    measure: Any, n: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A centred kernel that is a multiple of H looks the same in every order."""
    monkeypatch.setattr("methexis.measures.streaming.pass_moments.MOST_ROWS", rows)
    y = np.random.default_rng(0).normal(size=(n, 5))
    for x, other in (
        (1.7 * np.eye(n), 0.3 * np.eye(n)),
        (1e3 * np.eye(n), y),
        (_frame(n, 0), 7.0 * _frame(n, 1)),
        (_frame(n, 0), y),
    ):
        found = stream(x, other, measure)
        level, score = found.chances[measure.title], found.scores[measure.title]
        if level is None:
            assert np.isnan(score)
            continue
        assert level.sd == 0.0
        assert level.most_likely(score) == 1.0
        assert np.isnan(level.z(score))


def test_scores_that_differ_from_the_mean_by_rounding_are_not_significant() -> None:
    level = Chance(0.3, 1e-20)
    assert level.most_likely(0.3 + 5e-17) == 1.0
    assert level.z(0.3 + 5e-17) == 0.0
