"""What every report must do in a browser: fit the screen, with text that can be read there."""

from __future__ import annotations

from pathlib import Path

from methexis.plots import style
from tests.browser import chromium

WIDTHS = (1280, 390)
#: Where the layout changes: the least widths at which two figures stand in a row, and three.
BREAKPOINTS = (767, 916)
#: The least height of text in a figure.
READABLE = 11.0
#: Everything that reaches past the right edge, unless it stands in a table that scrolls by itself.
PROBE = """(() => {
  const root = d.documentElement;
  const all = (what) => [...d.querySelectorAll(what)];
  const box = (e) => e.getBoundingClientRect();
  const shown = all('figure svg').filter(s => box(s).width > 0);
  const boxes = all('main *, header *, footer *').filter(e => !e.closest('svg, .table'));
  return {
    inner: root.clientWidth,
    width: root.scrollWidth,
    height: root.scrollHeight,
    figures: shown.length,
    least: Math.min(...shown.map(s => box(s).height)),
    scale: Math.min(...shown.map(s => box(s).width / s.viewBox.baseVal.width)),
    tables: Math.max(0, ...all('.table').map(t => t.scrollWidth - t.clientWidth)),
    outside: boxes.filter(e => box(e).right > root.clientWidth + 0.5).length
  };
})()"""


def assert_fits(
    page: Path, width: int, *, figures: int, least: float = 150.0, scrolling: bool = False
) -> dict[str, float]:
    """See that nothing sticks out and at least so many figures show, none lower than ``least``.

    Tables with a column for everything may be ``scrolling``. Returns what the probe found.
    """
    found = chromium.measure(page, width, PROBE)
    assert found["inner"] == width
    assert found["width"] == width  # nothing makes the page scroll sideways
    assert found["outside"] == 0
    assert scrolling or found["tables"] == 0  # no table does either
    assert found["figures"] >= figures
    assert found["least"] > least  # no figure has collapsed
    # Text of `style.TEXT` pixels in the design, where matplotlib counts 72 units to 100 pixels.
    assert found["scale"] * style.points(style.TEXT) >= READABLE
    return found
