"""Every picture is plain data: written as JSON and read again, it gives the same SVG."""

from __future__ import annotations

import json
from collections.abc import Iterable

from methexis.plots.panel import Picture
from methexis.plots.plain import from_plain, to_plain
from methexis.plots.style import house_style
from methexis.report.house.saving import inline_svg


def svg(picture: Picture) -> str:
    with house_style():
        return inline_svg(picture.plot.draw(), picture.name, picture.alt)


def assert_plain(pictures: Iterable[Picture], names: set[str] | None = None) -> None:
    """See that pictures survive JSON, and that they are those named, no two alike in name."""
    found = list(pictures)
    assert found
    for picture in found:
        text = json.dumps(to_plain(picture), allow_nan=False)
        again = from_plain(json.loads(text))
        assert again.name == picture.name
        assert again.alt == picture.alt
        assert json.dumps(to_plain(again), allow_nan=False) == text
        assert svg(again) == svg(picture), picture.name
    drawn = [picture.name for picture in found]
    assert len(set(drawn)) == len(drawn)
    assert names is None or set(drawn) == names
