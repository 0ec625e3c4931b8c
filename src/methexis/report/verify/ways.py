"""Data of the figures of one problem trained in three ways: how samples are drawn decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Legend, Panel
from methexis.plots.replicas import middle, positive
from methexis.report.running.curves import alignment_label, predicted_curve
from methexis.scenarios.verify import Way

_COLOURS = {"i.i.d.": "#D55E00", "shuffled": "#0072B2", "whitened": "#009E73"}
_LABEL = "slow time, in relaxation times of the slowest mode"
#: Least slow time that is drawn: before it the error is falling, and nothing slow happens.
_FIRST = 1e-3


def worst_pairs(
    ways: Sequence[Way], *, width: int = style.PANEL, height: int = 400, columns: int = 2
) -> Panel:
    """Alignment of the worst pair: replicas thin, medians thick, predictions dashed."""
    marks: list[Mark] = []
    for way in ways:
        marks += _marks(way, way.run.worst_pair()[:, way.run.healthy], way.predicted)
    marks.append(predicted_curve([], [], "predicted"))
    y = Axis(alignment_label(width), low=0.5, high=1.02)
    return Panel(_axis(ways), y, tuple(marks), Legend(columns), width, height)


def distances(ways: Sequence[Way]) -> Panel:
    """``1 - alignment`` of the worst pair, projected, on logarithmic axes."""
    least = 1.0
    marks: list[Mark] = []
    for way in ways:
        gap = positive(1.0 - way.run.worst_pair(projected=True)[:, way.run.healthy])
        marks += _marks(way, gap, positive(1.0 - way.predicted))
        finite = gap[np.isfinite(gap)]
        least = min(least, float(finite.min())) if len(finite) else least
    marks.append(predicted_curve([], [], "predicted"))
    y = Axis("1 − alignment (0 = same)", "log", max(0.5 * least, 1e-16), 1.0)
    return Panel(_axis(ways), y, tuple(marks))


def _marks(way: Way, measured: Array, predicted: Array) -> list[Mark]:
    x = positive(way.relaxations)
    colour = _COLOURS[way.name]
    faint = float(np.clip(3.0 / max(measured.shape[-1], 1), 0.08, 0.4))
    return [
        Curve(x, measured, Look(colour, width=0.7, alpha=faint, order=1)),
        Curve(x, middle(measured), Look(colour, width=2.8, order=3), f"{way.name}, median"),
        predicted_curve(x, middle(predicted)),
    ]


def _axis(ways: Sequence[Way]) -> Axis:
    last = max(float(way.relaxations[-1]) for way in ways)
    return Axis(_LABEL, "log", min(_FIRST, 0.01 * last), 1.05 * last)
