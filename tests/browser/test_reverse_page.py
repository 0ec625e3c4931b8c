"""The page of `reverse` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import style, write_reverse_report
from tests.browser import chromium
from tests.browser.test_pages import PROBE, READABLE, WIDTHS
from tests.report.reverse_results import made_up, several

PAGES = {
    "one": lambda: several(made_up("steps", quick=True)),
    "all": lambda: several(made_up("steps"), made_up("batch", off=9.0), made_up("order")),
}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    return write_reverse_report(PAGES[request.param](), tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    found = chromium.measure(page, width, PROBE)
    assert found["inner"] == width
    assert found["width"] == width  # nothing makes the page scroll sideways
    assert found["outside"] == 0
    assert found["tables"] == 0  # no table does either
    assert found["figures"] >= 2
    assert found["least"] > 150  # no figure has collapsed
    # Text of `style.TEXT` pixels in the design, where matplotlib counts 72 units to 100 pixels.
    assert found["scale"] * style.points(style.TEXT) >= READABLE
