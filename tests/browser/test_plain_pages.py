"""Plain pages in a real browser: they fit a phone as they do a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from tests.browser import chromium
from tests.browser.fitting import PROBE, WIDTHS, assert_fits
from tests.display import specimens as made

_RNG = np.random.default_rng(0)
_LONG = {f"encoder.block.{i}.out": made.X + i * _RNG.normal(size=made.X.shape) for i in range(4)}


def results() -> dict[str, tuple[Any, int]]:
    """What is shown, with the number of its figures."""
    return {
        "comparison": (made.read_against(), 1),
        "grid": (mx.compare_all(_LONG, {"one": made.Y, "two": made.X}, measure="cka"), 1),
        "ranking": (mx.nearest(made.Y, _LONG, measure="cka", debiased=True), 0),
        "curve": (made.curve(), 1),
        "prediction": (made.predicted(), 1),
        "solution": (made.specimens()["PlatonicSolution"], 0),
    }


#: The one with most in it; the others have less of the same.
EVERY_TIME = {"grid"}
NAMES = ("comparison", "grid", "ranking", "curve", "prediction", "solution")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in EVERY_TIME else pytest.mark.long) for n in NAMES],
)
def test_the_page_fits(name: str, tmp_path: Path) -> None:
    chromium.find()
    value, figures = results()[name]
    page = mx.write_report(value, tmp_path)
    for width in WIDTHS:
        # A page without a figure has none that could be low or hard to read.
        if figures:
            assert_fits(page, width, figures=figures)
        else:
            found = chromium.measure(page, width, PROBE)
            assert found["inner"] == found["width"] == width
            assert found["outside"] == found["tables"] == 0
