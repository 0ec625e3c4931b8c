"""The axis of a dial, and the markers of problems: what figures of `break` and `reverse` share."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.interval import Span
from methexis.plots.levels import Level
from methexis.plots.mark import Look
from methexis.plots.panel import Axis, Legend, Panel
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.judging import OUTLIER

#: Markers of the problems.
MARKERS = ("o", "s", "^", "D", "v", "P")
#: Characters of an axis label's line.
_LABEL = 50


def places(dial: Dial, values: Sequence[float]) -> Array:
    """Where values stand on the axis: kinds one after another."""
    if dial.scale == "names":
        return np.array([1.0 + dial.values.index(v) for v in values])
    return np.asarray(values, dtype=np.float64)


def dial_axis(dial: Dial, *, small: bool = False) -> Axis:
    """Scale, ticks and label of the axis of a dial."""
    kinds = dial.scale == "names"
    short = max(map(len, dial.names), default=0) <= 3  # no longer than numbers
    unit = f" ({dial.unit})" if dial.unit else ""
    symbol = f"{dial.symbol}{unit}"
    label = symbol if small else textwrap.fill(f"{dial.words}, {symbol}", _LABEL)
    if kinds:
        return Axis(
            label if short else "",  # names speak for themselves
            low=0.4,
            high=len(dial.names) + 0.6,
            ticks=tuple(range(1, len(dial.names) + 1)),
            names=tuple(dial.names),
            turned=0 if short else 40,
            grid=False,
        )
    return Axis(label, "log" if dial.scale == "log" else "linear")


def point_look(
    k: int,
    problem: int,
    *,
    hollow: bool,
    size: float = 5.0,
    width: float | None = None,
    order: float | None = 3,
) -> Look:
    """Colour of curve ``k``, marker of the problem."""
    return Look(
        style.colour_of(k),
        width=width,
        marker=MARKERS[problem % len(MARKERS)],
        size=size,
        inside="none" if hollow else None,
        joined=False,
        order=order,
    )


def deviation_panel(
    dial: Dial, points: Sequence[tuple[float, float, Look]], legend: Legend
) -> Panel:
    """Points ``(place, standard deviations, look)`` over the span that chance explains."""
    largest = max(OUTLIER + 0.5, *(abs(deviation) for _, deviation, _ in points))
    label = "measured less predicted,\nin standard deviations"
    marks = (
        Span(-OUTLIER, OUTLIER, Look(style.FAINT, alpha=0.35)),
        Level(0.0, Look(style.PREDICTION, width=1.0)),
        *(Curve([x], [deviation], look) for x, deviation, look in points),
    )
    y = Axis(label, low=-1.15 * largest, high=1.15 * largest)
    return Panel(dial_axis(dial), y, marks, legend, height=400)
