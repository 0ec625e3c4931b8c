"""The page of `compare` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import write_compare_report
from tests.browser import chromium
from tests.browser.fitting import WIDTHS, assert_fits
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
    assert_fits(page, width, figures=1, least=100.0)
