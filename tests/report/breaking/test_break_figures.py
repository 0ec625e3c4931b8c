"""The pictures of `break` are plain data."""

from __future__ import annotations

import pytest

from methexis.report.breaking.figures import figures
from tests.report.break_results import made_up, several
from tests.report.roundtrip import assert_plain

#: What is drawn of each of several scenarios.
PICTURES = ("small", "alignment", "deviation")


@pytest.mark.parametrize(
    "quick",
    [True, pytest.param(False, marks=pytest.mark.long)],  # the same pictures of more points
)
def test_every_picture_survives_json(quick: bool) -> None:
    # Scales of every kind: numbers, powers, names.
    found = [made_up(name, quick=quick) for name in ("nothing", "sampling", "labels")]
    found.append(made_up("algorithms", quick=quick))
    names = {f"algorithms_{what}" for what in ("small", "group0", "group1", "scatter")}
    names |= {f"{one.scenario.name}_{what}" for one in found[:3] for what in PICTURES}
    assert_plain(figures(several(*found)), names)


def test_what_is_lost_has_an_axis_of_its_own_where_it_spans_powers_of_ten() -> None:
    found = made_up("adaptive", quick=True)
    (picture,) = [p for p in figures(several(found)) if p.name == "adaptive_lost"]
    assert picture.plot.y.scale == "log"
    assert picture.plot.y.low < min(1.0 - p.predicted for p in found.points)
