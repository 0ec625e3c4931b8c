"""The page of `sharpen` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import write_sharpen_report
from methexis.scenarios.sharpening import CASES, SharpenResult, run_case
from tests.browser import chromium
from tests.browser.fitting import WIDTHS, assert_fits


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    # Four quantities, each with a figure: the most that a case has.
    found = run_case(CASES["one-force"], quick=True)
    result = SharpenResult((found,), "methexis sharpen one-force --quick", found.seconds)
    return write_sharpen_report(result, tmp_path_factory.mktemp("sharpen"))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    assert_fits(page, width, figures=4)
