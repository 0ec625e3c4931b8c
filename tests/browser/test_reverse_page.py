"""The page of `reverse` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import write_reverse_report
from tests.browser import chromium
from tests.browser.fitting import WIDTHS, assert_fits
from tests.report.reverse_results import made_up, several

PAGES = {
    "one": lambda: several(made_up("steps", quick=True)),
    "all": lambda: several(made_up("steps"), made_up("batch", off=9.0), made_up("order")),
}


@pytest.fixture(scope="module", params=["one", pytest.param("all", marks=pytest.mark.long)])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    return write_reverse_report(PAGES[request.param](), tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    assert_fits(page, width, figures=2)
