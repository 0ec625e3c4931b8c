"""Figures of one problem trained in three ways: what the way samples are drawn decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from methexis.core.checks import Array
from methexis.plots import style
from methexis.report.running.curves import ALIGNMENT, middle, predicted_line
from methexis.scenarios.verify import Way

_COLOURS = {"i.i.d.": "#D55E00", "shuffled": "#0072B2", "whitened": "#009E73"}
_LABEL = "slow time, in relaxation times of the slowest mode"
#: Least slow time that is drawn: before it the error is falling, and nothing slow happens.
_FIRST = 1e-3


def worst_pairs(
    ways: Sequence[Way], *, width: int = style.PANEL, height: int = 400, columns: int = 2
) -> Figure:
    """Alignment of the worst pair: replicas thin, medians thick, predictions dashed."""
    figure, axes = style.new_figure(width, height)
    for way in ways:
        _draw(axes, way, way.run.worst_pair()[:, way.run.healthy], way.predicted)
    _finish(axes, ways)
    axes.set_ylim(0.5, 1.02)
    axes.set_ylabel(ALIGNMENT if width <= style.PANEL else ALIGNMENT.replace("\n", " "))
    style.legend(figure, axes, columns=columns)
    return figure


def distances(ways: Sequence[Way]) -> Figure:
    """``1 - alignment`` of the worst pair, projected, on logarithmic axes."""
    figure, axes = style.new_figure(height=380)
    least = 1.0
    for way in ways:
        gap = 1.0 - way.run.worst_pair(projected=True)[:, way.run.healthy]
        gap = np.where(gap > 0, gap, np.nan)
        predicted = 1.0 - way.predicted
        _draw(axes, way, gap, np.where(predicted > 0, predicted, np.nan))
        finite = gap[np.isfinite(gap)]
        least = min(least, float(finite.min())) if len(finite) else least
    _finish(axes, ways)
    axes.set_ylabel("1 − alignment (0 = same)")
    axes.set_ylim(max(0.5 * least, 1e-16), 1.0)
    style.log_axis(axes, "y")
    style.legend(figure, axes)
    return figure


def _draw(axes: Axes, way: Way, measured: Array, predicted: Array) -> None:
    x = np.where(way.relaxations > 0, way.relaxations, np.nan)
    colour = _COLOURS[way.name]
    faint = float(np.clip(3.0 / max(measured.shape[-1], 1), 0.08, 0.4))
    axes.plot(x, measured, color=colour, lw=0.7, alpha=faint, zorder=1)
    axes.plot(x, middle(measured), color=colour, lw=2.8, label=f"{way.name}, median", zorder=3)
    predicted_line(axes, x, middle(predicted), None)


def _finish(axes: Axes, ways: Sequence[Way]) -> None:
    predicted_line(axes, np.array([]), np.array([]), "predicted")
    last = max(float(way.relaxations[-1]) for way in ways)
    axes.set_xlim(min(_FIRST, 0.01 * last), 1.05 * last)
    style.log_axis(axes, "x")
    axes.set_xlabel(_LABEL)
