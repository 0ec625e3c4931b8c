"""The page of a run with cells in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

import methexis as mx
from methexis.report import write_report
from tests.browser import chromium
from tests.browser.fitting import WIDTHS, assert_fits
from tests.report.running.test_cells_report import LR, MOMENTUM, run_of

OPTIMISERS = {"one dimension": mx.SGD(lr=LR), "two": mx.SGD(lr=LR, momentum=MOMENTUM)}


@pytest.fixture(
    scope="module", params=["two", pytest.param("one dimension", marks=pytest.mark.long)]
)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    return write_report(run_of(OPTIMISERS[request.param]), tmp_path_factory.mktemp("page"))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    assert_fits(page, width, figures=1, scrolling=width < WIDTHS[0])
