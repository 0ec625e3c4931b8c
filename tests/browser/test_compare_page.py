"""The page of `compare` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import style, write_compare_report
from tests.browser import chromium
from tests.browser.test_pages import PROBE, READABLE, WIDTHS
from tests.report.compare_results import compared

MANY = ("cka:debiased=true", "mutual_knn", "procrustes_distance", "gram_cosine")
PAGES = {
    "one pair": lambda: compared(1, 1, MANY),
    "grid": lambda: compared(12, 12, noise=3, num_permutations=99),
    "itself": lambda: compared(5, None, ("cka:debiased=true",), noise=2, num_permutations=99),
    "along": lambda: compared(1, 40, noise=5, num_permutations=99),
    "wide": lambda: compared(3, 40, noise=5, num_permutations=99),
}


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    return write_compare_report(PAGES[request.param](), tmp_path_factory.mktemp("page"))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    found = chromium.measure(page, width, PROBE)
    assert found["inner"] == width
    assert found["width"] == width  # nothing makes the page scroll sideways
    assert found["outside"] == 0
    assert found["tables"] == 0  # no table does either
    assert found["figures"] >= 1
    assert found["least"] > 100  # no figure has collapsed
    # Text of `style.TEXT` pixels in the design, where matplotlib counts 72 units to 100 pixels.
    assert found["scale"] * style.points(style.TEXT) >= READABLE
