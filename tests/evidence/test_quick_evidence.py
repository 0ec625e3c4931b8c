"""The committed evidence about quick comparisons: complete, fresh, repeated by a small run."""

from __future__ import annotations

import numpy as np

from evidence import quick
from methexis.measures.inference.multiple import holm


def cells(kind: str) -> list[quick.NullCell]:
    stored = quick.stored()
    return [
        quick.NullCell(**cell) for case in stored if case.startswith(kind) for cell in stored[case]
    ]


def test_all_cells_are_there_and_the_page_is_fresh() -> None:
    stored = quick.stored()
    assert set(stored) == set(quick._cases())
    for case, found in stored.items():
        kind, name = case.split("-", 1)
        if kind == "nulls":
            assert [cell["law"] for cell in found] == list(quick.LAWS)
            assert {cell["nulls"] for cell in found} == {quick.NUM_NULLS}
        else:
            assert len(found) == len(quick.INTERVALS[name]) * len(quick.pairs(20))
            assert {cell["repetitions"] for cell in found} == {quick.REPETITIONS}
    assert quick.PAGE.read_text(encoding="utf-8") == quick.page(stored)


def test_no_level_has_too_many_false_alarms() -> None:
    found = cells("nulls")
    excess = holm(np.array([cell.excess(level) for cell in found for level in range(2)]))
    assert min(excess) > quick.LEVELS[0]


def test_intervals_hold() -> None:
    """Heavy tails at few samples take a little from every interval: docs/intervals.md."""
    for case, found in quick.stored().items():
        if case.startswith("intervals"):
            for cell in found:
                assert quick.IntervalCell(**cell).covered > 0.9


def test_a_few_draws_are_repeated() -> None:
    """The first forty of a cell, whose seeds do not depend on how many there are."""
    one, again = (quick.null_cell("cca-40", "gaussian, flat", 40) for _ in range(2))
    assert one == again
    assert one.rejected[0] <= 8  # of 40 at .05 there are 2; six deviations
