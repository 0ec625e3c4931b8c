"""The page of `break` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import write_break_report
from tests.browser import chromium
from tests.browser.fitting import READABLE, WIDTHS, assert_fits
from tests.report.break_results import made_up, several

PAGES = {
    "one": lambda: several(made_up("labels", quick=True)),
    "all": lambda: several(made_up("nothing"), made_up("sampling", off=1.0), made_up("labels")),
}


@pytest.fixture(scope="module", params=["one", pytest.param("all", marks=pytest.mark.long)])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    return write_break_report(PAGES[request.param](), tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    # Small multiples stand three in a row on a wide page, where they may be smaller.
    readable = READABLE if width < 1000 else 0.8 * READABLE
    assert_fits(page, width, figures=2, readable=readable)
