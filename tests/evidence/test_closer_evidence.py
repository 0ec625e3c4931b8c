"""The committed evidence about *closer*: within what was asked, its page fresh, repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from evidence import closer
from methexis.measures.inference.multiple import holm

CELLS = [
    (name, closer.Cell(**one)) for name in closer.CASES for one in closer.stored(name)["cells"]
]
SETS = [
    (name, closer.Layers(**one)) for name in closer.CASES for one in closer.stored(name)["layers"]
]


def test_all_cells_of_few_samples_are_there() -> None:
    for name in closer.CASES:
        there = {c.law for which, c in CELLS if which == name and c.n == closer.SIZES[0]}
        assert there == set(closer.LAWS)
    assert all(c.nulls == closer.NUM_NULLS for _, c in CELLS)


def test_levels_and_coverages_are_what_was_asked() -> None:
    """No cell outside of 4 to 6 %, none outside of 93 to 97 %, at 1 % over all cells (Holm)."""
    levels = [closer.outside(c.rejected, c.nulls, closer.LEVELS) for _, c in CELLS]
    covered = [closer.outside(c.covered, c.planted, closer.COVERAGES) for _, c in CELLS]
    for p in (levels, covered):
        assert holm(np.array(p)).min() >= closer.JUDGED


def test_the_paired_question_finds_more_than_two_intervals() -> None:
    assert all(c.found >= c.found_separately for _, c in CELLS)
    assert np.mean([c.found - c.found_separately > 0.1 * c.planted for _, c in CELLS]) > 0.5


def test_sets_hold_the_nearest() -> None:
    assert SETS
    for _, one in SETS:
        assert one.held / one.draws >= 0.93
        assert 1.0 <= one.size < len(closer.NOISES)
        if one.tied >= 0:  # 95 % less four deviations
            assert one.tied / one.draws >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / one.draws)


def test_the_page_is_fresh() -> None:
    assert closer.PAGE.read_text(encoding="utf-8") == closer.page()


@pytest.mark.parametrize("name", ["cka-debiased", "procrustes"])
def test_a_small_run_repeats_a_cell(name: str) -> None:
    """300 of the stored nulls, at the same seeds: as often, to four deviations."""
    stored = next(c for which, c in CELLS if which == name and c.law == "middle")
    again = closer.cell(name, "middle", stored.n, nulls=300, planted=30)
    rate = stored.rejected / stored.nulls
    assert abs(again.rejected - 300 * rate) < 4 * np.sqrt(300 * rate * (1 - rate))
    assert again.score == pytest.approx(stored.score, abs=0.03)


def test_a_rate_within_is_never_outside() -> None:
    assert closer.outside(50, 1000, (0.04, 0.06)) == 1.0
    assert closer.outside(100, 1000, (0.04, 0.06)) < 1e-6
    assert closer.outside(10, 1000, (0.04, 0.06)) < 1e-6
