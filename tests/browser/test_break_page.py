"""The page of `break` in a real browser: it fits, and its text is readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from methexis.report import write_break_report
from tests.browser import chromium
from tests.browser.fitting import BREAKPOINTS, WIDTHS, assert_fits
from tests.report.break_results import made_up, several

PAGES = {
    "one": lambda: several(made_up("labels", quick=True)),
    "all": lambda: several(made_up("nothing"), made_up("sampling", off=1.0), made_up("labels")),
}


@pytest.fixture(scope="module", params=["one", pytest.param("all", marks=pytest.mark.long)])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    return write_break_report(PAGES[request.param](), tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize(
    "width", [*WIDTHS, *(pytest.param(width, marks=pytest.mark.long) for width in BREAKPOINTS)]
)
def test_the_page_fits(page: Path, width: int) -> None:
    assert_fits(page, width, figures=2)


@pytest.mark.long
@pytest.mark.parametrize("page", ["all"], indirect=True)
def test_rows_break_at_these_widths(page: Path) -> None:
    probe = """(() => {
      const columns = (what) =>
        getComputedStyle(d.querySelector(what)).gridTemplateColumns.split(' ').length;
      return {two: columns('.row:not(.three)'), three: columns('.row.three')};
    })()"""
    two, three = BREAKPOINTS
    rows = [chromium.measure(page, width, probe) for width in (two - 1, two, three - 1, three)]
    assert [row["two"] for row in rows] == [1, 2, 2, 2]
    assert [row["three"] for row in rows] == [1, 2, 2, 3]
