"""Reports in a real browser: they render, fit a phone, and keep their text readable there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from methexis.report import write_report, write_verify_report
from tests.browser import chromium
from tests.browser.fitting import WIDTHS, assert_fits
from tests.report import results

PAGES: dict[str, Callable[[Path], Path]] = {
    "verify": lambda out: write_verify_report(results.small(), out),
    "offset": lambda out: write_verify_report(results.small(noise="anisotropic"), out),
    "three ways": lambda out: write_verify_report(results.small(three_ways=True), out),
    "lost": lambda out: write_verify_report(results.with_a_lost_replica(), out),
    "run": lambda out: write_report(results.small(easy=False).run, out),
}


#: The others are pages of verify with a section more or less.
EVERY_TIME = {"verify", "lost", "run"}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in EVERY_TIME else pytest.mark.long) for name in PAGES
    ],
)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.find()
    return PAGES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits(page: Path, width: int) -> None:
    found = assert_fits(page, width, figures=11)
    assert 3000 < found["height"] < 40_000


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_not_blank(page: Path, width: int, tmp_path: Path) -> None:
    picture = imread(chromium.screenshot(page, tmp_path / "page.png", width, 4000))
    assert picture.shape[:2] == (4000, width)
    grey = picture[..., :3].mean(axis=-1)
    assert 0.005 < (grey < 0.5).mean() < 0.3  # ink on paper
    for top in range(0, 4000, 1000):  # everywhere
        assert (grey[top : top + 1000] < 0.5).any()
    colour = np.ptp(picture[..., :3], axis=-1) > 0.3
    assert colour.mean() > 0.002  # figures, not text alone


def test_only_the_layout_for_the_width_is_shown(page: Path) -> None:
    probe = """{
      large: d.querySelector('.wide .large').getBoundingClientRect().height,
      small: d.querySelector('.wide .small').getBoundingClientRect().height
    }"""
    wide, narrow = (chromium.measure(page, width, probe) for width in WIDTHS)
    assert wide["large"] > 300
    assert wide["small"] == 0
    assert narrow["large"] == 0
    assert narrow["small"] > 250
