"""The committed evidence about measures: complete, pages fresh, repeated by a small run."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

import methexis as mx
from benchmarks.measures.truth import everything
from evidence import calibration, search, truth


def test_cells_are_whole() -> None:
    found = calibration.stored()
    assert found
    assert all(name in calibration.CASES for name in found)
    for cells in found.values():
        assert len(cells) == len(calibration.REGIMES) * len(calibration.LAWS)
        assert {c.nulls for c in cells} == {calibration.NUM_NULLS}


def test_no_cell_has_too_many_false_alarms() -> None:
    many, _ = calibration.corrected(calibration.stored())
    assert min(many.values()) > calibration.LEVEL


def test_pages_are_fresh() -> None:
    found = calibration.stored()
    assert calibration.PAGE.read_text(encoding="utf-8") == calibration.page(found)
    assert search.PAGE.read_text(encoding="utf-8") == search.page(search.stored())
    result = truth.read(json.loads(truth.RESULT.read_text(encoding="utf-8")))
    assert truth.PAGE.read_text(encoding="utf-8") == truth.page(result)


def test_searches_are_whole_and_have_no_more_false_alarms_than_they_may() -> None:
    found = search.stored()
    assert set(found) == set(search.CASES)
    for cells in found.values():
        assert len(cells) == len(search.REGIMES) * len(search.LAWS)
        assert {c.nulls for c in cells} == {search.NUM_NULLS}
        assert all(c.rejected["uncorrected"] > 1.5 * c.rejected["max"] for c in cells)
    assert min(search.corrected(found).values()) > search.LEVEL


def test_a_small_run_repeats_a_search() -> None:
    """100 of the stored 2000 grids, at the same seeds: as often, to four deviations."""
    stored = search.stored()["cka-debiased"][0]
    again = search.cell("cka-debiased", 0, 0, nulls=100, alternatives=5)
    rate = stored.rejected["uncorrected"] / stored.nulls
    sd = np.sqrt(100 * rate * (1 - rate))
    assert abs(again.rejected["uncorrected"] - 100 * rate) < 4 * sd
    assert again.detected["max"] <= again.alternatives == 5


def test_layers_of_a_model_resemble_one_another_and_no_other_model() -> None:
    one, other = search.drawn(0, 0, 0, 0.0)
    assert len(one) == len(other) == search.LAYERS
    near = mx.measures.cka(one[0], one[1], debiased=True)
    assert near > 0.4
    assert abs(mx.measures.cka(one[0], other[0], debiased=True)) < 0.2
    shared = [mx.measures.cka(*(m[-1] for m in search.drawn(0, 0, i, 0.4))) for i in range(20)]
    apart = [mx.measures.cka(*(m[-1] for m in search.drawn(0, 0, i, 0.0))) for i in range(20)]
    assert np.mean(shared) > 2 * np.mean(apart)


@pytest.mark.parametrize("case", ["cka-debiased", "procrustes"])
def test_a_small_run_repeats_a_cell(case: str) -> None:
    """60 pairs of the stored 2000, at the same seeds: rejections as often, to four deviations."""
    stored = calibration.stored()[case][2]  # 40 samples of 20 Gaussian features
    again = calibration.cell(case, 1, 0, nulls=60, alternatives=0)
    sd = np.sqrt(60 * stored.rate * (1 - stored.rate))
    assert abs(again.rejected - 60 * stored.rate) < 4 * sd


def test_equal_seeds_draw_equal_pairs() -> None:
    one, again = (calibration.drawn(3, 1, 7, 0.3) for _ in range(2))
    np.testing.assert_array_equal(one[0], again[0])
    assert one[0].shape == calibration.REGIMES[3]


def test_the_alternative_is_what_it_says() -> None:
    """Rows of 60 samples of 6 features; the shared part has .3 of the variance of each feature."""
    pairs = [calibration.drawn(0, 0, i, 0.3) for i in range(200)]
    shares = np.array([x.var() for x, _ in pairs])
    assert shares.mean() == pytest.approx(1.0, abs=4 * shares.std() / np.sqrt(len(shares)))
    # Pairs of features correlate because of it, those of unrelated representations do not.
    related = np.mean([np.abs(x.T @ y / len(x)).mean() for x, y in pairs])
    unrelated = np.mean(
        [
            np.abs(x.T @ y / len(x)).mean()
            for x, y in (calibration.drawn(0, 0, i, 0.0) for i in range(200))
        ]
    )
    assert related > 1.2 * unrelated


def test_excess_and_lack_are_tails_of_one_law() -> None:
    cell = calibration.Cell(60, 6, "gaussian", 2000, 100, 500, 0, 2000)
    middle = stats.binom.pmf(100, 2000, 0.05)
    assert cell.excess() + cell.lack() == pytest.approx(1.0 + middle, abs=1e-12)


def test_truth_has_every_measure() -> None:
    result = truth.read(json.loads(truth.RESULT.read_text(encoding="utf-8")))
    assert [m.title for m in result.measures] == [m.title for m in everything()]
    assert not result.quick
