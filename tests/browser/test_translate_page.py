"""The page of `translate` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import write_report
from tests.browser import chromium
from tests.browser.fitting import WIDTHS, assert_fits
from tests.report.translate_results import translated, translated_unpaired

#: Results by what is translated, with pairs and without.
RESULTS = {
    **{("pairs", kind): translated for kind in ("related", "of one width", "unrelated")},
    **{("no pairs", kind): translated_unpaired for kind in ("the same", "unrelated")},
}


@pytest.fixture(scope="module", params=RESULTS, ids=", ".join)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    made = RESULTS[request.param](request.param[1])
    return write_report(made, tmp_path_factory.mktemp("page"))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    assert_fits(page, width, figures=1, least=100.0)
