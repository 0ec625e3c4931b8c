"""The page of `translate` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import write_translate_report, write_unpaired_report
from tests.browser import chromium
from tests.browser.fitting import WIDTHS, assert_fits
from tests.report.translate_results import translated, translated_unpaired

PAIRED = ("related", "of one width", "unrelated")
UNPAIRED = ("the same", "nothing alike")


@pytest.fixture(scope="module", params=[*PAIRED, *UNPAIRED])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    folder = tmp_path_factory.mktemp("page")
    if request.param in PAIRED:
        return write_translate_report(translated(request.param), folder)
    return write_unpaired_report(translated_unpaired(request.param), folder)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    assert_fits(page, width, figures=1, least=100.0)
