"""How every figure looks: sizes, colours, fonts.

A report is read on a laptop and on a phone. A panel is therefore drawn `PANEL` pixels wide with
text of `TEXT` pixels: shown 360 pixels wide, its text is still 11 pixels high. Panels that belong
together are separate figures, which the page puts side by side or one below another. Text becomes
paths, so that a figure looks the same on every machine and its labels can never be clipped by
another font's metrics. Colours are Okabe and Ito's, safe for colour-blind readers; what a colour
means never changes: `SGD`, `CONTROL`, black dashes for a prediction, and one colour per student.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib import colormaps, rcParams
from matplotlib import style as mpl_style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

#: Widths, in pixels of the design: a panel (two fit side by side), a third of the page, all of it.
PANEL, THIRD, WIDE = 460, 360, 940
#: Height of text in the design, and the width on a phone at which it is at least 11 pixels.
TEXT, PHONE = 14.4, 360

SGD, CONTROL, PREDICTION, MARK = "#0072B2", "#8a8a8a", "#111111", "#009E73"
STUDENTS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LAWS = ("#56B4E9", "#E69F00")
INK, FAINT = "#22252a", "#c9ccd1"

_DPI = 100.0
_POINTS = 72.0 / _DPI  # of one pixel of the design
_STYLE: dict[str, Any] = {
    "figure.dpi": _DPI,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": "#7d828a",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.unicode_minus": True,
    "axes.labelsize": TEXT * _POINTS,
    "axes.titlesize": TEXT * _POINTS,
    "axes.titlelocation": "left",
    "font.family": "DejaVu Sans",
    "font.size": TEXT * _POINTS,
    "grid.color": "#e7e9ec",
    "grid.linewidth": 0.7,
    "legend.fontsize": TEXT * _POINTS,
    "legend.frameon": False,
    "legend.handlelength": 1.7,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.3,
    "legend.labelspacing": 0.25,
    "legend.borderpad": 0.0,
    "lines.solid_capstyle": "round",
    "lines.linewidth": 1.6,
    "pdf.fonttype": 3,  # subsetting type 42 fonts takes most of the time of a report
    "path.simplify_threshold": 0.3,
    "svg.fonttype": "path",
    "svg.hashsalt": "methexis",
    "text.color": INK,
    "text.parse_math": False,  # no label of ours is mathematics, and a layer may be called $1$
    "xtick.labelsize": TEXT * _POINTS,
    "ytick.labelsize": TEXT * _POINTS,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in our style, whatever the user's matplotlibrc says; restores theirs afterwards."""
    with mpl_style.context(["default", _STYLE]):
        yield


def new_figure(width: int = PANEL, height: int = 340) -> tuple[Figure, Axes]:
    """Return a figure of one panel, in pixels of the design."""
    figure = grid_figure(width, height)
    return figure, figure.add_subplot()


def grid_figure(width: int, height: int) -> Figure:
    """Return a figure without panels, in pixels of the design."""
    figure = Figure(figsize=(width / _DPI, height / _DPI), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.04, h_pad=0.04)  # type: ignore[union-attr, call-arg]
    return figure


def legend(figure: Figure, axes: Axes, *, columns: int = 2) -> None:
    """Put the legend above the axes, where no curve can run through it."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper left", ncols=columns)


def plain(value: float) -> str:
    """Write a tick in full height: ``0.001``, and ``1e−5`` rather than a small superscript.

    Examples
    --------
    >>> plain(0.001), plain(1e-5), plain(200.0), plain(0.0)
    ('0.001', '1e−5', '200', '0')
    """
    size = abs(value)
    if size == 0 or 1e-3 <= size < 1e5:
        return f"{value:.6g}".replace("-", "−")
    mantissa, exponent = f"{value:.3e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}".replace("-", "−")


def log_axis(axes: Axes, which: str) -> None:
    """Make ``"x"`` or ``"y"`` logarithmic, with labels in full height at no more than 7 decades."""
    if which == "x":
        axes.set_xscale("log")
        axis: Axis = axes.xaxis
        low, high = axes.get_xlim()
    else:
        axes.set_yscale("log")
        axis = axes.yaxis
        low, high = axes.get_ylim()
    axis.set_minor_formatter(NullFormatter())
    decades = np.log10(high / low)
    if decades < 1.6:
        few = (1.0, 2.0, 5.0) if decades > 0.6 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
        axis.set_major_locator(LogLocator(subs=few))
        axis.set_minor_locator(NullLocator())
    else:
        most = 7 if which == "y" else 5
        axis.set_major_locator(LogLocator(numticks=most))
    axis.set_major_formatter(FuncFormatter(lambda v, _: plain(v)))


def points(pixels: float) -> float:
    """Return a size of text in points for matplotlib."""
    return pixels * _POINTS


def colour_of(k: int) -> str:
    """Return the colour of curve ``k`` of several."""
    return STUDENTS[k % len(STUDENTS)]


def shade_of(k: int, count: int) -> str:
    """Return the colour of curve ``k`` of more than have colours of their own, in their order."""
    return to_hex(colormaps["viridis"](0.9 * k / max(count - 1, 1)))


def ink() -> str:
    """Return the colour of text in the style that is in force, dark or light."""
    return to_hex(rcParams["text.color"])


def darker(colour: str) -> str:
    """Return the colour for the edge of an area filled with ``colour``."""
    red, green, blue = (0.7 * part for part in to_rgb(colour))
    return to_hex((red, green, blue))


def shade(name: str, value: float) -> tuple[float, float, float, float]:
    """Return the colour of a value in [0, 1] by one of matplotlib's colour maps."""
    return colormaps[name](float(value))
