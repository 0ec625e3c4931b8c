"""Pictures of irreversibility: what does not return, and how far theory and measurement part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.interval import Interval
from methexis.plots.levels import Rungs
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Key, Legend, Panel, Picture
from methexis.report.house.dial_axis import deviation_panel, dial_axis, places, point_look
from methexis.scenarios.irreversibility.dials.steps import AT_REST, FLOWS, SCENARIO
from methexis.scenarios.irreversibility.records import Point
from methexis.scenarios.irreversibility.result import ReverseResult, ReverseScenarioResult
from methexis.scenarios.irreversibility.verdict import ZERO
from methexis.scenarios.irreversibility.walks import ACROSS, ALONG

#: Least length that the overview shows: what is below, zero too, is rounding.
ROUNDING = 1e-17
#: Ways of the overview: all but one, whose points would lie between the others.
_LEFT_OUT = SCENARIO.curves[1].name
_COLOURS = dict(
    zip((*FLOWS, AT_REST), ("#E69F00", "#56B4E9", style.CONTROL, "#CC79A7"), strict=True)
)


def figures(result: ReverseResult) -> Iterator[Picture]:
    """All pictures: two for each scenario, and an overview where there are controls."""
    for one in result.results:
        key, title = one.scenario.name, one.scenario.title
        against_steps = f"{title}: what does not return against the number of steps"
        if has_overview(one):
            yield Picture(f"{key}_overview", overview(one), against_steps)
            narrow = overview(one, width=style.PANEL, height=560)
            yield Picture(f"{key}_overview_narrow", narrow, against_steps)
        yield Picture(f"{key}_amounts", amounts(one), f"{title}: amounts and theory")
        if is_random(one):
            alt = f"{title}: measured less predicted"
            yield Picture(f"{key}_second", deviations(one), alt)
        else:
            yield Picture(f"{key}_second", lengths(one), against_steps)


def is_random(one: ReverseScenarioResult) -> bool:
    """Whether the scenario is measured by replicas."""
    return any(p.readings[0].replicas > 1 for p in one.points)


def has_overview(one: ReverseScenarioResult) -> bool:
    """Whether there are controls to be drawn beside what is measured."""
    return bool(one.controls) and is_random(one)


def overview(result: ReverseScenarioResult, *, width: int = style.WIDE, height: int = 460) -> Panel:
    """What does not return against steps, of SGD, descent and flow, on one logarithmic axis.

    Of the first problem, at the smallest learning rate; lines are predictions.
    """
    marks: list[Mark] = []
    names = []
    for k, curve in enumerate(result.scenario.curves):
        for line in result.lines:
            if line.curve != curve.name or line.problem != 0 or curve.name == _LEFT_OUT:
                continue
            points = [p for p in result.of(curve.name, 0) if p.part == line.part]
            last = [p.readings[-1] for p in points]
            rate = last[0].lr
            steps = np.asarray(line.values) * (last[-1].steps / points[-1].value)
            marks.append(Curve(steps, np.abs(line.predicted) * rate, _predicted(line.part)))
            across = line.part == ACROSS
            look = replace(_look(points[0], k, width=1.3), marker="^" if across else "o", size=6)
            names.append(_name(curve.name, line.part))
            marks.append(
                Interval(
                    [r.steps for r in last],
                    [abs(r.value) * r.lr for r in last],
                    [2.0 * r.error * r.lr for r in last],
                    look,
                    names[-1],
                )
            )
    for name, colour in _COLOURS.items():
        shown = [c for c in result.controls if c.name == name]
        lengths = [max(c.length, ROUNDING) for c in shown]
        look = Look(colour, width=1.0, marker="D", size=4.5)
        marks.append(Curve([c.steps for c in shown], lengths, look, name))
    marks.append(Curve([], [], _predicted(""), "predicted"))
    wide = width > style.PANEL
    return Panel(
        Axis("steps in each direction", "log"),
        Axis("what does not return" + ("" if wide else ",\nlength"), "log"),
        tuple(marks),
        Legend(3 if wide else 1, order=(*dict.fromkeys(names), "predicted", *_COLOURS)),
        width,
        height,
    )


def amounts(result: ReverseScenarioResult) -> Panel:
    """Limits of the first problem along the dial: predictions as lines, measurements as points."""
    dial = result.scenario.dial
    kinds = dial.scale == "names"
    marks: list[Mark] = []
    for k, curve in enumerate(result.scenario.curves):
        for line in result.lines:
            if line.curve == curve.name and line.problem == 0:
                x, values = places(dial, line.values), np.asarray(line.predicted)
                if kinds:
                    look = Look(style.PREDICTION, width=1.3)
                    marks.append(Rungs(values, x - 0.35, x + 0.35, look))
                else:
                    shown = np.abs(values) > ZERO  # zero has no place on a logarithmic axis
                    look = Look(style.PREDICTION, width=1.2, order=2)
                    marks.append(Curve(x[shown], np.abs(values)[shown], look))
        for p in result.of(curve.name):
            x = places(dial, [p.value])
            if kinds:
                marks.append(Curve(x + 0.2 * (p.problem - 1), [p.measured], _look(p, k)))
            elif p.problem == 0 and abs(p.predicted) > ZERO:
                look = _look(p, k, width=1.3)
                marks.append(Interval(x, [abs(p.measured)], [p.half], look, caps=2.5))
    x_axis = dial_axis(dial)
    if kinds:
        y_axis = Axis("order of return", low=0.0)
    else:
        x_axis = replace(x_axis, scale="log")
        sizes = [abs(p.predicted) for p in result.points if p.problem == 0]
        sizes = [size for size in sizes if size > ZERO]
        label = "what does not return, over η,\nas η → 0"
        y_axis = Axis(label, "log", 0.5 * min(sizes), 2.0 * max(sizes))
    return Panel(x_axis, y_axis, tuple(marks), _legend(result), height=400)


def lengths(result: ReverseScenarioResult) -> Panel:
    """What integrators leave, against the number of steps in the same time."""
    marks = []
    for k, name in enumerate(result.scenario.dial.names):
        method = result.scenario.dial.values[k]
        (point,) = (p for p in result.points if p.problem == 0 and p.value == method)
        look = Look(style.STUDENTS[k], width=1.2, marker="o", size=5)
        steps, values = zip(*((r.steps, r.value) for r in point.readings), strict=True)
        marks.append(Curve(steps, values, look, name))
    x = Axis("steps in each direction", "log")
    return Panel(x, Axis("what does not return", "log"), tuple(marks), height=400)


def deviations(result: ReverseScenarioResult) -> Panel:
    """Measured less predicted of all problems, in standard deviations."""
    dial = result.scenario.dial
    points = []
    for k, curve in enumerate(result.scenario.curves):
        for p in result.of(curve.name):
            x = float(places(dial, [p.value])[0])
            shift = k - (len(result.scenario.curves) - 1) / 2.0 + 0.25 * (p.problem - 1)
            if dial.scale == "log":
                x *= (dial.values[-1] / dial.values[0]) ** (0.015 * shift)
            else:
                x += 0.1 * shift
            points.append((x, p.deviation, _look(p, k)))
    return deviation_panel(dial, points, _legend(result))


def _predicted(part: str | None) -> Look:
    dashes = (1.2, 2.0) if part == ACROSS else (4, 2.2)
    return Look(style.PREDICTION, width=1.4, dashes=dashes, order=4)


def _look(p: Point, k: int, *, width: float | None = None) -> Look:
    """Colour of the curve, marker of the problem, hollow across the minima."""
    return point_look(k, p.problem, hollow=p.part == ACROSS, width=width)


def _name(curve: str, part: str | None) -> str:
    where = {ALONG: ": along", ACROSS: ": across"}
    return curve + where.get(part or "", "")


def _legend(result: ReverseScenarioResult) -> Legend:
    keys = [
        Key(c.name, Look(style.STUDENTS[k], width=0, marker="o", size=5))
        for k, c in enumerate(result.scenario.curves)
    ]
    if any(p.part == ACROSS for p in result.points):
        hollow = Look(style.INK, width=0, marker="o", size=5, inside="none")
        keys.append(Key("hollow: across the minima", hollow))
    return Legend(1 if len(keys) > 2 else 2, tuple(keys))
