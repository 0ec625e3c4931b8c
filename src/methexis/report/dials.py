"""Figures of a dial: the prediction as a line through the measured points, and what is between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from methexis.report import style
from methexis.report.curves import ALIGNMENT
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.breaking.result import ScenarioResult
from methexis.scenarios.breaking.scenario import Dial
from methexis.scenarios.breaking.verdict import OUTLIER

#: Markers of the problems.
_MARKERS = ("o", "s", "^", "D", "v", "P")
#: Width and height of a small multiple.
SMALL = (style.THIRD, 300)


def alignments(result: ScenarioResult, *, small: bool = False) -> Figure:
    """Alignment along the dial: predictions as lines, measurements with 95 % intervals."""
    width, height = SMALL if small else (style.PANEL, 400)
    figure, axes = style.new_figure(width, height)
    for k, curve in enumerate(result.scenario.curves):
        colour = style.STUDENTS[k % len(style.STUDENTS)]
        for line in result.lines:
            if line.curve == curve.name:
                x = _places(result.scenario.dial, line.values)
                if result.scenario.dial.scale == "names":
                    axes.hlines(line.predicted, x - 0.35, x + 0.35, color=colour, lw=1.3, alpha=0.8)
                else:
                    axes.plot(x, line.predicted, color=colour, lw=1.3, alpha=0.8, zorder=2)
        for problem in sorted({p.problem for p in result.of(curve.name)}):
            points = result.of(curve.name, problem)
            _measured(axes, result, points, colour, k, _MARKERS[problem % len(_MARKERS)])
    _dial_axis(axes, result, small=small)
    least = min(
        [p.measured - p.half for p in result.points]
        + [min(line.predicted) for line in result.lines]
    )
    margin = max(0.06 * (1.0 - least), 1e-3)
    axes.set_ylim(least - margin, 1.0 + margin)
    if small:
        axes.set_title(result.scenario.title)
    else:
        axes.set_ylabel(ALIGNMENT)
        _legend(figure, axes, result)
    return figure


def deviations(result: ScenarioResult) -> Figure:
    """Measured less predicted, in standard deviations."""
    figure, axes = style.new_figure(style.PANEL, 400)
    axes.axhspan(-OUTLIER, OUTLIER, color=style.FAINT, alpha=0.35, lw=0)
    axes.axhline(0.0, color=style.PREDICTION, lw=1.0)
    for k, curve in enumerate(result.scenario.curves):
        colour = style.STUDENTS[k % len(style.STUDENTS)]
        for point in result.of(curve.name):
            x = _places(result.scenario.dial, [point.value]) * _shift(result, k)
            axes.plot(
                x,
                [point.deviation],
                _MARKERS[point.problem % len(_MARKERS)],
                color=colour,
                ms=6,
                mfc=colour if point.judged else "none",
            )
    _dial_axis(axes, result, small=False)
    largest = max(abs(p.deviation) for p in result.points)
    axes.set_ylim(-1.15 * max(largest, OUTLIER + 0.5), 1.15 * max(largest, OUTLIER + 0.5))
    axes.set_ylabel("measured less predicted,\nin standard deviations")
    _legend(figure, axes, result)
    return figure


def _measured(
    axes: Axes, result: ScenarioResult, points: Sequence[Point], colour: str, k: int, marker: str
) -> None:
    x = _places(result.scenario.dial, [p.value for p in points]) * _shift(result, k)
    for judged in (True, False):
        these = np.array([p.judged is judged for p in points], dtype=np.bool_)
        if not these.any():
            continue
        axes.errorbar(
            x[these],
            np.array([p.measured for p in points])[these],
            yerr=np.array([p.half for p in points])[these],
            fmt=marker,
            color=colour,
            mfc=colour if judged else "none",
            ms=5,
            lw=1.3,
            capsize=2.5,
            zorder=3,
        )


def _places(dial: Dial, values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if dial.scale == "names":
        return np.array([1.0 + dial.values.index(v) for v in values])
    return np.asarray(values, dtype=np.float64)


def _shift(result: ScenarioResult, k: int) -> float:
    """Points of different curves stand a little apart, lest they cover each other."""
    if result.scenario.dial.scale != "log":
        return 1.0
    values = result.scenario.dial.values
    step = (values[-1] / values[0]) ** 0.012
    return float(step ** (k - (len(result.scenario.curves) - 1) / 2.0))


def _dial_axis(axes: Axes, result: ScenarioResult, *, small: bool) -> None:
    dial = result.scenario.dial
    if dial.scale == "log":
        style.log_axis(axes, "x")
    elif dial.scale == "names":
        axes.set_xticks(range(1, len(dial.names) + 1), dial.names, rotation=40, ha="right")
        axes.set_xlim(0.4, len(dial.names) + 0.6)
        axes.grid(visible=False, axis="x")
    unit = f" ({dial.unit})" if dial.unit else ""
    if small:
        axes.set_xlabel("" if dial.scale == "names" else f"{dial.symbol}{unit}")
    elif dial.scale != "names":
        axes.set_xlabel(f"{dial.words},\n{dial.symbol}{unit}")


def _legend(figure: Figure, axes: Axes, result: ScenarioResult) -> None:
    handles = [
        Line2D([], [], color=style.STUDENTS[k % len(style.STUDENTS)], marker="o", ms=5, lw=1.3)
        for k in range(len(result.scenario.curves))
    ]
    names = [curve.name for curve in result.scenario.curves]
    del axes
    figure.legend(handles, names, loc="outside upper left", ncols=2 if len(names) < 3 else 3)
