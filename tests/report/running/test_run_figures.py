"""The pictures of runs, with cells and without, are plain data."""

from __future__ import annotations

import pytest

import methexis as mx
from methexis.report.running import cells, figures
from methexis.report.running.theory import theory_of
from tests.report import results
from tests.report.roundtrip import assert_plain
from tests.report.running.test_cells_report import LR, MOMENTUM, run_of


@pytest.mark.long  # draws every picture twice; other verbs' are drawn in the short tests
def test_every_picture_survives_json() -> None:
    run = results.small().run
    assert_plain(figures.figures(run, theory_of(run)))


def test_pictures_of_cells_survive_json() -> None:
    for optimiser in (mx.SGD(lr=LR), mx.SGD(lr=LR, momentum=MOMENTUM)):
        assert_plain(cells.figures(run_of(optimiser)), {"worst_pair", "worst_pair_narrow"})
