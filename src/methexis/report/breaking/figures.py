"""Figures of a dial: the prediction as a line through the measured points, and what is between."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from methexis.core.checks import Array
from methexis.plots import style
from methexis.report.running.curves import ALIGNMENT
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.breaking.result import ScenarioResult
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.judging import OUTLIER

#: Markers of the problems.
MARKERS = ("o", "s", "^", "D", "v", "P")
#: Width and height of a small multiple.
SMALL = (style.THIRD, 300)
#: Characters of an axis label's line.
_LABEL = 50
#: Width of a legend's handle with the space around it, and of a letter.
_HANDLE, _LETTER = 46, 7
#: Alignment that every axis reaches down to.
LEAST_SPAN = 0.9


def alignments(result: ScenarioResult, *, small: bool = False) -> Figure:
    """Alignment along the dial: predictions as lines, measurements with 95 % intervals."""
    width, height = SMALL if small else (style.PANEL, 400)
    figure, axes = style.new_figure(width, height)
    _draw(axes, result, small=small)
    if not small:
        axes.set_ylabel(ALIGNMENT)
        _legend(figure, result)
    return figure


def summary(results: Sequence[ScenarioResult], *, columns: int = 3) -> Figure:
    """Every dial in one picture."""
    rows = -(-len(results) // columns)
    figure = style.grid_figure(columns * SMALL[0], rows * SMALL[1])
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, result in zip(panels, results, strict=False):
        _draw(axes, result, small=True)
    for axes in panels[len(results) :]:
        axes.remove()
    return figure


def _draw(axes: Axes, result: ScenarioResult, *, small: bool) -> None:
    dial = result.scenario.dial
    for k, curve in enumerate(result.scenario.curves):
        colour = style.STUDENTS[k % len(style.STUDENTS)]
        for line in result.lines:
            if line.curve == curve.name:
                x = places(dial, line.values)
                if dial.scale == "names":
                    axes.hlines(line.predicted, x - 0.35, x + 0.35, color=colour, lw=1.3, alpha=0.8)
                else:
                    axes.plot(x, line.predicted, color=colour, lw=1.3, alpha=0.8, zorder=2)
        for p in result.of(curve.name):
            x = places(dial, [p.value])
            behind = len(result.scenario.curves) - 1 - k  # larger, lest curves hide each other
            look = _look(p, k, size=(4.0 if small else 5.0) + 1.2 * behind)
            axes.errorbar(x, [p.measured], yerr=[p.half], lw=1.3, capsize=2.5, zorder=3, **look)
    dial_axis(axes, result.scenario.dial, small=small)
    least = min(
        [p.measured - p.half for p in result.points]
        + [min(line.predicted) for line in result.lines]
    )
    least = min(least, LEAST_SPAN)  # what hardly departs from 1 is to look so
    margin = 0.06 * (1.0 - least)
    axes.set_ylim(least - margin, 1.0 + margin)
    if small:
        axes.set_title(result.scenario.title)


def deviations(result: ScenarioResult) -> Figure:
    """Measured less predicted, in standard deviations."""
    figure, axes = style.new_figure(style.PANEL, 400)
    axes.axhspan(-OUTLIER, OUTLIER, color=style.FAINT, alpha=0.35, lw=0)
    axes.axhline(0.0, color=style.PREDICTION, lw=1.0)
    for k, x, point in _spread(result):
        axes.plot([x], [point.deviation], **_look(point, k, size=6))
    largest = max(OUTLIER + 0.5, *(abs(p.deviation) for p in result.points))
    axes.set_ylim(-1.15 * largest, 1.15 * largest)
    axes.set_ylabel("measured less predicted,\nin standard deviations")
    dial_axis(axes, result.scenario.dial)
    _legend(figure, result)
    return figure


def gaps(result: ScenarioResult) -> Figure:
    """Measured less predicted, with what a quick run allows for as bars."""
    figure, axes = style.new_figure(style.PANEL, 400)
    axes.axhline(0.0, color=style.PREDICTION, lw=1.0)
    for k, x, point in _spread(result):
        look = _look(point, k, size=5)
        axes.vlines([x], -point.allowed, point.allowed, color=look["color"], lw=7, alpha=0.25)
        axes.errorbar([x], [point.gap], yerr=[point.half], lw=1.3, capsize=2.5, zorder=3, **look)
    axes.set_ylabel("measured less predicted")
    dial_axis(axes, result.scenario.dial)
    _legend(figure, result)
    return figure


def _spread(result: ScenarioResult) -> list[tuple[int, float, Point]]:
    """Points with the number of their curve; those of different curves stand a little apart."""
    dial, curves = result.scenario.dial, result.scenario.curves
    middle = (len(curves) - 1) / 2.0
    found = []
    for k, curve in enumerate(curves):
        for point in result.of(curve.name):
            x = float(places(dial, [point.value])[0])
            if dial.scale == "log":
                x *= (dial.values[-1] / dial.values[0]) ** (0.012 * (k - middle))
            else:
                x += (dial.values[-1] - dial.values[0]) * 0.012 * (k - middle)
            found.append((k, x, point))
    return found


def _look(point: Point, k: int, size: float) -> dict[str, Any]:
    """Colour of the curve, marker of the problem, hollow where theory does not claim to hold."""
    colour = style.STUDENTS[k % len(style.STUDENTS)]
    return {
        "color": colour,
        "marker": MARKERS[point.problem % len(MARKERS)],
        "ls": "none",
        "ms": size,
        "mfc": colour if point.judged else "none",
    }


def places(dial: Dial, values: Sequence[float]) -> Array:
    """Where values stand on the axis: kinds one after another."""
    if dial.scale == "names":
        return np.array([1.0 + dial.values.index(v) for v in values])
    return np.asarray(values, dtype=np.float64)


def dial_axis(axes: Axes, dial: Dial, *, small: bool = False) -> None:
    """Scale, ticks and label of the axis of a dial."""
    if dial.scale == "log":
        style.log_axis(axes, "x")
    elif dial.scale == "names":
        turned: dict[str, Any] = {} if _short(dial) else {"rotation": 40, "ha": "right"}
        axes.set_xticks(range(1, len(dial.names) + 1), dial.names, **turned)
        axes.set_xlim(0.4, len(dial.names) + 0.6)
        axes.grid(visible=False, axis="x")
    unit = f" ({dial.unit})" if dial.unit else ""
    if dial.scale == "names" and not _short(dial):
        return  # names speak for themselves
    symbol = f"{dial.symbol}{unit}"
    axes.set_xlabel(symbol if small else textwrap.fill(f"{dial.words}, {symbol}", _LABEL))


def _short(dial: Dial) -> bool:
    """Whether the names of a dial are no longer than numbers."""
    return max(map(len, dial.names), default=0) <= 3


def _legend(figure: Figure, result: ScenarioResult) -> None:
    handles = [
        Line2D([], [], color=style.STUDENTS[k % len(style.STUDENTS)], marker="o", ms=5, lw=1.3)
        for k in range(len(result.scenario.curves))
    ]
    names = [curve.name for curve in result.scenario.curves]
    width = _HANDLE + max(map(len, names)) * _LETTER
    columns = min(max(int(style.PANEL // width), 1), len(names))
    figure.legend(handles, names, loc="outside upper left", ncols=columns)
