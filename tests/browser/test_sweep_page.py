"""The page of `sweep` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import write_sweep_report
from tests.browser import chromium
from tests.browser.fitting import WIDTHS, assert_fits
from tests.sweeps.small import do


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    folder = tmp_path_factory.mktemp("page")
    return write_sweep_report(do(folder / "small.sweep"), folder / "report")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    assert_fits(page, width, figures=2)
