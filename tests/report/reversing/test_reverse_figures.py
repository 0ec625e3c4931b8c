"""The pictures of `reverse` are plain data."""

from __future__ import annotations

import pytest

from methexis.report.reversing.figures import figures
from tests.report.reverse_results import made_up, several
from tests.report.roundtrip import assert_plain


@pytest.mark.long  # draws every picture twice; other verbs' are drawn in the short tests
def test_every_picture_survives_json() -> None:
    found = [made_up(name) for name in ("steps", "batch", "order")]
    names = {f"{one.scenario.name}_{what}" for one in found for what in ("amounts", "second")}
    names |= {"steps_overview", "steps_overview_narrow"}
    assert_plain(figures(several(*found)), names)
