"""The page of `explain` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import write_explain_report
from tests.browser import chromium
from tests.browser.fitting import WIDTHS, assert_fits
from tests.report.explain_results import explained

PAGES = {"one pair": (1, 1), "grid": (3, 4), "cannot tell": (1, 1, 45)}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    return write_explain_report(explained(*PAGES[request.param]), tmp_path_factory.mktemp("page"))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    assert_fits(page, width, figures=1, least=100.0)
