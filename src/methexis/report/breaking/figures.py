"""Pictures of a dial: the prediction as a line through the measured points, what is between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.heat_map import HeatMap
from methexis.plots.interval import Interval
from methexis.plots.levels import Level, Rungs
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Key, Legend, Panel, Picture, draw_all
from methexis.report.breaking.table import LEAST_LOST, heat, scatter
from methexis.report.house.dial_axis import deviation_panel, dial_axis, places, point_look
from methexis.report.running.curves import ALIGNMENT
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult
from methexis.scenarios.framework.points import Line

#: Width and height of a small multiple.
SMALL = (style.THIRD, 300)
#: Width of a legend's handle with the space around it, and of a letter.
_HANDLE, _LETTER = 46, 7
#: Alignment that every axis reaches down to.
LEAST_SPAN = 0.9
#: How many times its least the largest predicted 1 - alignment is where it gets an axis of its own.
SPANS = 100.0


def figures(result: BreakResult) -> Iterator[Picture]:
    """All pictures: two for each scenario, and a small one where there are several."""
    for one in result.results:
        key = one.scenario.name.replace("-", "_")
        title = one.scenario.title
        if len(result.results) > 1:
            yield Picture(f"{key}_small", alignments(one, small=True), f"{title}: alignment")
        if one.scenario.groups:
            yield from _table(key, one)
            continue
        yield Picture(f"{key}_alignment", alignments(one), f"{title}: alignment and theory")
        plot = gaps(one) if one.quick else deviations(one)
        yield Picture(f"{key}_deviation", plot, f"{title}: measured less predicted")
        if spans(one):
            yield Picture(f"{key}_lost", lost(one), f"{title}: what is lost of alignment")


def _table(key: str, one: ScenarioResult) -> Iterator[Picture]:
    """Groups of columns, and all cells against their predictions."""
    for number, (name, values) in enumerate(one.scenario.groups):
        yield Picture(f"{key}_group{number}", heat(one, values), f"{one.scenario.title}: {name}")
    title = f"{one.scenario.title}: measured over predicted"
    yield Picture(f"{key}_scatter", scatter(one), title)


def alignments(result: ScenarioResult, *, small: bool = False) -> Panel | HeatMap:
    """Alignment along the dial: predictions as lines, measurements with 95 % intervals."""
    if result.scenario.groups:
        return heat(result, result.scenario.dial.values, small=small)
    dial = result.scenario.dial
    marks: list[Mark] = []
    for k, curve in enumerate(result.scenario.curves):
        for line, look in _predictions(result, k):
            x = places(dial, line.values)
            if dial.scale == "names":
                marks.append(Rungs(line.predicted, x - 0.35, x + 0.35, look))
            else:
                marks.append(Curve(x, line.predicted, look))
        behind = len(result.scenario.curves) - 1 - k  # larger, lest curves hide each other
        for p in result.of(curve.name):
            look = _look(p, k, (4.0 if small else 5.0) + 1.2 * behind, interval=True)
            x = places(dial, [p.value])
            marks.append(Interval(x, [p.measured], [p.half], look, caps=2.5))
    least = min(
        [p.measured - p.half for p in result.points]
        + [min(line.predicted) for line in result.lines]
    )
    least = min(least, LEAST_SPAN)  # what hardly departs from 1 is to look so
    margin = 0.06 * (1.0 - least)
    width, height = SMALL if small else (style.PANEL, 400)
    return Panel(
        dial_axis(dial, small=small),
        Axis("" if small else ALIGNMENT, low=least - margin, high=1.0 + margin),
        tuple(marks),
        None if small else _legend(result),
        width,
        height,
        title=result.scenario.title if small else "",
    )


def _predictions(result: ScenarioResult, k: int) -> Iterator[tuple[Line, Look]]:
    """The predictions of one curve, and how they are drawn."""
    look = Look(style.colour_of(k), width=1.3, alpha=0.8)
    for line in result.lines:
        if line.curve == result.scenario.curves[k].name:
            yield line, look


def spans(result: ScenarioResult) -> bool:
    """Whether alignment is perfect nowhere, and nearly so at one end of the dial."""
    predicted = [1.0 - p.predicted for p in result.points if p.judged]
    least = min(predicted, default=0.0)
    return least > LEAST_LOST and max(predicted) > SPANS * least and least < 1e-3


def lost(result: ScenarioResult) -> Panel:
    """1 - alignment along the dial on a logarithmic axis."""
    dial = result.scenario.dial
    marks: list[Mark] = []
    for k in range(len(result.scenario.curves)):
        for line, look in _predictions(result, k):
            away = np.maximum(1.0 - np.asarray(line.predicted), LEAST_LOST)
            marks.append(Curve(places(dial, line.values), away, look))
    for k, x, p in _spread(result):
        away = np.maximum([1.0 - p.measured], LEAST_LOST)
        marks.append(Interval([x], away, [p.half], _look(p, k, 5, interval=True), caps=2.5))
    axis = Axis("1 − alignment", "log", low=0.6 * LEAST_LOST, high=1.0)
    return Panel(dial_axis(dial), axis, tuple(marks), _legend(result), height=460)


def summary(results: Sequence[ScenarioResult], *, columns: int = 3) -> Figure:
    """Every dial in one picture."""
    return draw_all([alignments(one, small=True) for one in results], columns)


def deviations(result: ScenarioResult) -> Panel:
    """Measured less predicted, in standard deviations."""
    points = [(x, p.deviation, _look(p, k, 6)) for k, x, p in _spread(result)]
    return deviation_panel(result.scenario.dial, points, _legend(result))


def gaps(result: ScenarioResult) -> Panel:
    """Measured less predicted, with what a quick run allows for as bars."""
    marks: list[Mark] = [Level(0.0, Look(style.PREDICTION, width=1.0))]
    for k, x, p in _spread(result):
        allowed = Look(style.colour_of(k), width=7, alpha=0.25)
        marks.append(Rungs([x], -p.allowed, p.allowed, allowed, upright=True))
        marks.append(Interval([x], [p.gap], [p.half], _look(p, k, 5, interval=True), caps=2.5))
    return Panel(
        dial_axis(result.scenario.dial),
        Axis("measured less predicted"),
        tuple(marks),
        _legend(result),
        height=400,
    )


def _spread(result: ScenarioResult) -> list[tuple[int, float, Point]]:
    """Points with the number of their curve; those of different curves stand a little apart."""
    dial, curves = result.scenario.dial, result.scenario.curves
    middle = (len(curves) - 1) / 2.0
    spread_points = []
    for k, curve in enumerate(curves):
        for point in result.of(curve.name):
            x = float(places(dial, [point.value])[0])
            if dial.scale == "log":
                x *= (dial.values[-1] / dial.values[0]) ** (0.012 * (k - middle))
            else:
                x += (dial.values[-1] - dial.values[0]) * 0.012 * (k - middle)
            spread_points.append((k, x, point))
    return spread_points


def _look(point: Point, k: int, size: float, *, interval: bool = False) -> Look:
    """Colour of the curve, marker of the problem, hollow where theory does not claim to hold."""
    width, order = (1.3, 3) if interval else (None, None)
    hollow = not point.judged
    return point_look(k, point.problem, hollow=hollow, size=size, width=width, order=order)


def _legend(result: ScenarioResult) -> Legend:
    names = [curve.name for curve in result.scenario.curves]
    keys = tuple(
        Key(name, Look(style.colour_of(k), width=1.3, marker="o", size=5))
        for k, name in enumerate(names)
    )
    width = _HANDLE + max(map(len, names)) * _LETTER
    return Legend(min(max(int(style.PANEL // width), 1), len(names)), keys)
