"""The committed evidence about intervals and tails: complete, fresh, repeated by a small run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evidence import coverage, interval_page, neighbour_intervals, tails
from methexis.measures import CKA, HSIC, Measure


def test_coverage_is_whole() -> None:
    found = {(row.law, row.num_samples, row.measure): row for row in coverage.stored()}
    wanted = [
        (law, n, measure.title)
        for law, n in coverage.CASES
        for measure in coverage.MEASURES
        if coverage.applicable(measure, law)
    ]
    assert list(found) == wanted
    assert {row.repetitions for row in found.values()} == {coverage.REPETITIONS}


def test_the_page_is_fresh() -> None:
    assert interval_page.PAGE.read_text(encoding="utf-8") == interval_page.page()


def test_tails_are_whole() -> None:
    found = [(row.num_samples, row.law, row.title) for row in tails.stored()]
    assert found == [
        (n, law, measure.title)
        for n, _ in tails.SIZES
        for law in tails.LAWS
        for measure in tails.MEASURES
    ]


@pytest.mark.parametrize("measure", [CKA(), HSIC(debiased=True)], ids=lambda m: m.title)
def test_a_small_run_repeats_a_row(measure: Measure[object]) -> None:
    """20 pairs of the stored 300, at the same seeds: intervals hold as often, to four deviations.

    The expected score is the mean of 200 draws, which differs from that of all of them by their
    deviation over √200.
    """
    law, n = "aligned, d 6", 40
    stored = {(row.law, row.num_samples, row.measure): row for row in coverage.stored()}
    row = stored[law, n, measure.title]
    again = coverage.coverage(measure, law, n, repetitions=20, target_draws=200)
    assert abs(again.expected - row.expected) < 4.0 * row.deviation / np.sqrt(200)
    sd = np.sqrt(20 * row.covered * (1.0 - row.covered))
    assert abs(20 * (again.covered - row.covered)) < 4.0 * sd


def test_a_tail_is_repeated() -> None:
    """2000 orders of the 100,000: the same moments, rates to four deviations."""
    n, law, measure = 20, "gaussian, d 5", tails.MEASURES[0]
    row = next(r for r in tails.stored() if (r.num_samples, r.law) == (n, law))
    again = tails.tail(law, measure, n, 2000)
    assert again.moments.sd == pytest.approx(row.moments.sd, rel=1e-9)
    for level, one, other in zip(tails.LEVELS, again.pearson, row.pearson, strict=True):
        assert abs(one - other) < 4.0 * np.sqrt(level / 2000)


def test_runs_of_one_case_replace_its_rows(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "coverage.json"  # type: ignore[operator]
    monkeypatch.setattr(coverage, "PATH", path)
    for expected in (0.1, 0.2):
        row = coverage.Row("aligned, d 6", 100, "linear CKA", expected, 0.1, 10, 1, 0, 9)
        coverage.write("aligned, d 6", 100, [row], 1.0)
    assert [r.expected for r in coverage.stored()] == [0.2]
    assert coverage.stored()[0].covered == pytest.approx(0.9)
    assert len(json.loads(path.read_text(encoding="utf-8"))["runs"]) == 1


def test_neighbours_are_read_back() -> None:
    assert neighbour_intervals.stored()[0].measure == "mutual_knn"
