"""Figures of a comparison: layers beside layers as shades, one layer along many, one pair.

Darker is always more aligned, whether the measure grows or falls with alignment. A stroke through
a cell says that it is not significant after correction, a frame that it is the best of its row. The
colours span what was found, for scores of real models fill a small part of a measure's range; the
bar carries the numbers, and the measure's name and range.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from methexis.measures import Grid
from methexis.report import style

_SHADES = LinearSegmentedColormap.from_list(
    "alignment", ["#f4f6f8", "#cfe0ec", "#8dbbd9", "#3d8dc0", "#0b5c93", "#06304f"]
)
#: Most layers of which every one is named, and most cells in a row that hold their numbers.
_MOST_TICKS, _MOST_WRITTEN = 16, 8
#: Most cells that are drawn as shapes: the page stays small, and frames could not be told apart.
_MOST_DRAWN = 2500


def shades(
    pairs: Grid, names: tuple[Sequence[str], Sequence[str]], *, itself: bool, alpha: float
) -> Figure:
    """Scores of all pairs of layers; rows are layers of A, columns layers of B."""
    score = pairs.score
    rows, columns = score.shape
    cell = min(34.0, 330.0 / columns)
    square = rows >= columns / 3
    height = float(np.clip(rows * (cell if square else max(cell, 12.0)), 90.0, 620.0))
    figure, axes = style.new_figure(style.PANEL, int(height + 150))
    axes.grid(visible=False)
    low, high = _span(pairs, itself=itself, alpha=alpha)
    shown = _SHADES.reversed() if pairs.measure.distance else _SHADES
    mesh = axes.pcolormesh(
        np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, score, cmap=shown,
        vmin=low, vmax=high, ec="white", lw=0.8 if max(rows, columns) <= 24 else 0.2,
    )  # fmt: skip
    many = rows * columns > _MOST_DRAWN
    mesh.set_rasterized(many)
    if many:
        mesh.set_linewidth(0.0)
    axes.invert_yaxis()
    axes.set_aspect("equal" if square else "auto")
    written = max(rows, columns) <= _MOST_WRITTEN
    if many:
        _dots(axes, pairs.better(), ~pairs.weak(alpha))
    else:
        _frames(axes, pairs.better(), ~pairs.weak(alpha))
    _strokes(axes, pairs.weak(alpha), 0.35 if written else 1.0, rasterized=many)
    if written:
        _numbers(axes, pairs, low, high)
    _ticks(axes, names, itself=itself)
    for side in axes.spines.values():
        side.set_visible(False)
    bar = figure.colorbar(mesh, ax=axes, location="bottom", pad=0.03, aspect=34, shrink=0.92)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2)
    bar.locator = MaxNLocator(5)
    bar.update_ticks()
    bar.set_label(bar_label(pairs))
    return figure


def along(pairs: Grid, names: Sequence[str], *, of: str, alpha: float) -> Figure:
    """Scores of one layer of one model along the layers of another, with the chance level."""
    figure, axes = style.new_figure(style.PANEL, 330)
    score, mean, sd = (np.ravel(a) for a in (pairs.score, pairs.null_mean, pairs.null_sd))
    weak = np.ravel(pairs.weak(alpha))
    at = np.arange(len(score))
    if np.isfinite(mean).any():
        axes.fill_between(
            at, mean - 2 * sd, mean + 2 * sd, color=style.CONTROL, alpha=0.3, lw=0,
            label="chance ± 2 sd", step="mid" if len(at) == 1 else None,
        )  # fmt: skip
    axes.plot(at, score, color=style.SGD, lw=1.4, alpha=0.8)
    axes.plot(
        at[~weak], score[~weak], "o", ms=4.5, color=style.SGD,
        label="significant" if np.isfinite(mean).any() else None,
    )  # fmt: skip
    if weak.any():
        axes.plot(
            at[weak], score[weak], "o", ms=4.5, mfc="white", mec=style.SGD, label="not significant"
        )
    every = max(1, int(np.ceil(len(at) / 10)))
    short, rule = shortened(names)
    shown = [trimmed(name, 14) for name in short[::every]]
    axes.set_xticks(at[::every], shown, rotation=90 if max(map(len, shown)) > 3 else 0)
    axes.set_xlabel(f"layer of {of}" + (f" ({rule})" if rule else ""))
    axes.set_ylabel(pairs.measure.title)
    style.legend(figure, axes, columns=3)
    return figure


def effects(found: Sequence[Grid]) -> Figure | None:
    """One pair by every measure on one axis: 0 is chance, 1 two identical representations."""
    singles = [p for p in found if p.single is not None and np.isfinite(p.single.effect)]
    if not singles:
        return None
    figure, axes = style.new_figure(style.PANEL, 120 + 62 * len(singles))
    for k, pairs in enumerate(singles):
        one = pairs.single
        assert one is not None
        unit = pairs.measure.aligned - one.null_mean
        low, high = sorted((value - one.null_mean) / unit for value in one.ci)
        width = abs(2 * one.null_sd / unit)
        axes.fill_between(
            [-width, width], k - 0.22, k + 0.22, color=style.CONTROL, alpha=0.45, lw=0,
            label="chance ± 2 sd" if k == 0 else None,
        )  # fmt: skip
        axes.vlines(0.0, k - 0.22, k + 0.22, color=style.INK, lw=1.0)
        axes.vlines(1.0, k - 0.22, k + 0.22, color=style.INK, lw=1.0, ls=(0, (1, 1.6)))
        if np.isfinite(low):
            axes.plot([low, high], [k, k], color=style.STUDENTS[5], lw=9, solid_capstyle="butt")
        label = None
        if k == 0:
            intervals = any(np.isfinite(p.single.ci[0]) for p in singles if p.single)
            label = f"score, {one.confidence:.0%} interval" if intervals else "score"
        axes.plot(one.effect, k, "o", ms=4, color=style.SGD, label=label)
        axes.text(
            0.0, k - 0.3, pairs.measure.title, transform=axes.get_yaxis_transform(), va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
    axes.set_ylim(len(singles) - 0.4, -0.9)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("effect: 0 by chance, 1 if identical")
    style.legend(figure, axes, columns=2)
    return figure


def shortened(names: Sequence[str]) -> tuple[list[str], str]:
    """What tells names apart, and the rule that gives them back.

    Examples
    --------
    >>> shortened(["enc.0.out", "enc.1.out", "enc.10.out"])
    (['0', '1', '10'], 'enc.*.out')
    >>> shortened(["embed", "head"])
    (['embed', 'head'], '')
    """
    parts = [re.findall(r"\d+|[^\W\d_]+|[\W_]", name) for name in names]
    if len(set(names)) < 2:
        return list(names), ""
    shortest = min(len(p) for p in parts)
    head = 0
    while head < shortest and len({p[head] for p in parts}) == 1:
        head += 1
    tail = 0
    while tail < shortest - head and len({p[len(p) - 1 - tail] for p in parts}) == 1:
        tail += 1
    if any(len(p) - head - tail < 1 for p in parts):  # one name continues the others
        return list(names), ""
    first = parts[0]
    rule = "".join(first[:head]) + "*" + "".join(first[len(first) - tail :] if tail else [])
    return ["".join(p[head : len(p) - tail]) for p in parts], "" if rule == "*" else rule


def cell(value: float, span: float = 1.0) -> str:
    """Write a score so that a column of them can be compared.

    Examples
    --------
    >>> cell(0.4321), cell(-0.031), cell(-0.001), cell(1.0), cell(12.345, 20.0), cell(float("nan"))
    ('.43', '-.03', '.00', '1.0', '12.3', '–')
    """
    if not np.isfinite(value):
        return "–"
    if span > 2.0:
        return f"{value:.3g}"
    text = f"{value:.2f}".replace("-0.00", "0.00")
    if text.lstrip("-").startswith("0."):
        return text.replace("0.", ".", 1)
    return f"{value:.1f}"


def bar_label(pairs: Grid) -> str:
    """The measure's name and range, in words."""
    low, high = (
        "−∞" if bound == -np.inf else "∞" if bound == np.inf else style.plain(bound)
        for bound in pairs.measure.range
    )
    return f"{pairs.measure.title} (range {low} … {high})"


def _span(pairs: Grid, *, itself: bool, alpha: float) -> tuple[float, float]:
    """Ends of the colours: what was found, a layer beside itself left out.

    Where nothing is significant it is from chance to aligned, so that noise is pale.
    """
    score = pairs.score.copy()
    if itself and len(score) > 1:
        np.fill_diagonal(score, np.nan)
    values = score[np.isfinite(score)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    known = np.isfinite(pairs.p_corrected)
    if known.any() and not pairs.significant(alpha).any() and np.isfinite(pairs.measure.aligned):
        low, high = min(low, pairs.measure.aligned), max(high, pairs.measure.aligned)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _dots(axes: Axes, best: Sequence[int], believed: NDArray[np.bool_]) -> None:
    """The best of each row, where cells are too small to be framed."""
    rows = [i for i, j in enumerate(best) if believed[i, j]]
    places = [best[i] for i in rows]
    axes.plot(places, rows, ".", ms=2.5, color=style.STUDENTS[1], rasterized=True)


def _strokes(
    axes: Axes, cells: NDArray[np.bool_], alpha: float, *, rasterized: bool = False
) -> None:
    lines = [[(j - 0.32, i + 0.32), (j + 0.32, i - 0.32)] for i, j in np.argwhere(cells)]
    strokes = LineCollection(lines, colors="#8a5a3c", linewidths=0.8, alpha=alpha)
    strokes.set_rasterized(rasterized)
    axes.add_collection(strokes, autolim=False)


def _frames(axes: Axes, best: Sequence[int], believed: NDArray[np.bool_]) -> None:
    for i, j in enumerate(best):
        if not believed[i, j]:
            continue
        axes.add_patch(
            Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, ec=style.STUDENTS[1], lw=1.3)
        )


def _numbers(axes: Axes, pairs: Grid, low: float, high: float) -> None:
    for (i, j), value in np.ndenumerate(pairs.score):
        shade = (value - low) / (high - low)
        dark = (1.0 - shade if pairs.measure.distance else shade) > 0.55
        axes.text(
            j, i, cell(value, high - low), ha="center", va="center",
            color="white" if dark else style.INK, fontsize=style.points(12.0),
        )  # fmt: skip


def _ticks(axes: Axes, names: tuple[Sequence[str], Sequence[str]], *, itself: bool) -> None:
    for which, own in enumerate(names):
        short, rule = shortened(own)
        every = max(1, int(np.ceil(len(own) / _MOST_TICKS)))
        places = np.arange(0, len(own), every)
        shown = [trimmed(short[k], 12) for k in places]
        word = f"layer{'' if itself else ' of ' + 'AB'[which]}" + (f" ({rule})" if rule else "")
        if which == 0:
            axes.set_yticks(places, shown)
            axes.set_ylabel(trimmed(word, 34))
        else:
            upright = max(map(len, shown)) > 2
            axes.set_xticks(places, shown, rotation=90 if upright else 0)
            axes.set_xlabel(trimmed(word, 40))
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.xaxis.set_label_position("top")


def trimmed(name: str, most: int) -> str:
    """A name of at most so many signs, its middle left out.

    Examples
    --------
    >>> trimmed("encoder.block.11.mlp", 12)
    'encode…1.mlp'
    """
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return name[: most - 1 - tail] + "…" + (name[-tail:] if tail else "")
