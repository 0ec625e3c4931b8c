"""Figures of irreversibility: what does not return, and how far prediction and measurement part."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from methexis.plots import style
from methexis.report.breaking.figures import MARKERS, dial_axis, places
from methexis.scenarios.framework.judging import OUTLIER
from methexis.scenarios.irreversibility.dials.steps import AT_REST, FLOWS, SCENARIO
from methexis.scenarios.irreversibility.records import Point
from methexis.scenarios.irreversibility.result import ReverseScenarioResult
from methexis.scenarios.irreversibility.verdict import ZERO
from methexis.scenarios.irreversibility.walks import ACROSS

#: Least length that the overview shows: what is below, zero too, is rounding.
ROUNDING = 1e-17
#: Ways of the overview: all but one, whose points would lie between the others.
_LEFT_OUT = SCENARIO.curves[1].name
_COLOURS = dict(
    zip((*FLOWS, AT_REST), ("#E69F00", "#56B4E9", style.CONTROL, "#CC79A7"), strict=True)
)


def overview(
    result: ReverseScenarioResult, *, width: int = style.WIDE, height: int = 460
) -> Figure:
    """What does not return against steps, of SGD, descent and flow, on one logarithmic axis.

    Of the first problem, at the smallest learning rate; lines are predictions.
    """
    figure, axes = style.new_figure(width, height)
    for k, curve in enumerate(result.scenario.curves):
        for line in result.lines:
            if line.curve != curve.name or line.problem != 0 or curve.name == _LEFT_OUT:
                continue
            points = [p for p in result.of(curve.name, 0) if p.part == line.part]
            last = [p.readings[-1] for p in points]
            rate = last[0].lr
            pace = last[-1].steps / points[-1].value
            axes.plot(
                np.asarray(line.values) * pace,
                np.abs(line.predicted) * rate,
                **_dashes(line.part),
            )
            colour = style.STUDENTS[k]
            axes.errorbar(
                [r.steps for r in last],
                [abs(r.value) * r.lr for r in last],
                yerr=[2.0 * r.error * r.lr for r in last],
                color=colour,
                marker=_marker(line.part),
                mfc="none" if line.part == ACROSS else colour,
                ms=6,
                ls="none",
                lw=1.3,
                label=_name(curve.name, line.part),
                zorder=3,
            )
    for name, colour in _COLOURS.items():
        shown = [c for c in result.controls if c.name == name]
        axes.plot(
            [c.steps for c in shown],
            [max(c.length, ROUNDING) for c in shown],
            color=colour,
            marker="D",
            ms=4.5,
            lw=1.0,
            label=name,
        )
    style.log_axis(axes, "x")
    style.log_axis(axes, "y")
    axes.set_xlabel("steps in each direction")
    axes.set_ylabel("what does not return" + ("" if width > style.PANEL else ",\nlength"))
    axes.plot([], [], label="predicted", **_dashes(""))
    handles, labels = axes.get_legend_handles_labels()
    found = dict(zip(labels, handles, strict=True))
    first = [n for n in found if n not in _COLOURS and n != "predicted"]
    names = [*first, "predicted", *_COLOURS]
    figure.legend(
        [found[n] for n in names],
        names,
        loc="outside upper left",
        ncols=3 if width > style.PANEL else 1,
    )
    return figure


def amounts(result: ReverseScenarioResult) -> Figure:
    """Limits of the first problem along the dial: predictions as lines, measurements as points."""
    figure, axes = style.new_figure(style.PANEL, 400)
    dial = result.scenario.dial
    kinds = dial.scale == "names"
    for k, curve in enumerate(result.scenario.curves):
        colour = style.STUDENTS[k]
        for line in result.lines:
            if line.curve == curve.name and line.problem == 0:
                _predicted(axes, places(dial, line.values), line.predicted, kinds=kinds)
        for p in result.of(curve.name):
            if p.problem == 0 or kinds:
                look: dict[str, Any] = _look(p, colour)
                x = places(dial, [p.value])
                if kinds:
                    axes.plot(x + 0.2 * (p.problem - 1), [p.measured], **look)
                elif abs(p.predicted) > ZERO:
                    axes.errorbar(x, [abs(p.measured)], yerr=[p.half], lw=1.3, capsize=2.5, **look)
    dial_axis(axes, dial)
    if kinds:
        axes.set_ylabel("order of return")
        axes.set_ylim(0.0, None)
    else:
        style.log_axis(axes, "x")
        sizes = [abs(p.predicted) for p in result.points if p.problem == 0]
        sizes = [size for size in sizes if size > ZERO]
        axes.set_ylim(0.5 * min(sizes), 2.0 * max(sizes))
        style.log_axis(axes, "y")
        axes.set_ylabel("what does not return, over η,\nas η → 0")
    _legend(figure, result)
    return figure


def lengths(result: ReverseScenarioResult) -> Figure:
    """What integrators leave, against the number of steps in the same time."""
    figure, axes = style.new_figure(style.PANEL, 400)
    for k, name in enumerate(result.scenario.dial.names):
        method = result.scenario.dial.values[k]
        (point,) = (p for p in result.points if p.problem == 0 and p.value == method)
        axes.plot(
            [r.steps for r in point.readings],
            [r.value for r in point.readings],
            color=style.STUDENTS[k],
            marker="o",
            ms=5,
            lw=1.2,
            label=name,
        )
    style.log_axis(axes, "x")
    style.log_axis(axes, "y")
    axes.set_xlabel("steps in each direction")
    axes.set_ylabel("what does not return")
    style.legend(figure, axes)
    return figure


def deviations(result: ReverseScenarioResult) -> Figure:
    """Measured less predicted of all problems, in standard deviations."""
    figure, axes = style.new_figure(style.PANEL, 400)
    dial = result.scenario.dial
    axes.axhspan(-OUTLIER, OUTLIER, color=style.FAINT, alpha=0.35, lw=0)
    axes.axhline(0.0, color=style.PREDICTION, lw=1.0)
    for k, curve in enumerate(result.scenario.curves):
        for p in result.of(curve.name):
            x = float(places(dial, [p.value])[0])
            shift = k - (len(result.scenario.curves) - 1) / 2.0 + 0.25 * (p.problem - 1)
            if dial.scale == "log":
                x *= (dial.values[-1] / dial.values[0]) ** (0.015 * shift)
            else:
                x += 0.1 * shift
            axes.plot([x], [p.deviation], **_look(p, style.STUDENTS[k], size=5))
    largest = max(OUTLIER + 0.5, *(abs(p.deviation) for p in result.points))
    axes.set_ylim(-1.15 * largest, 1.15 * largest)
    axes.set_ylabel("measured less predicted,\nin standard deviations")
    dial_axis(axes, dial)
    _legend(figure, result)
    return figure


def _predicted(axes: Axes, x: Any, values: Any, *, kinds: bool) -> None:
    if kinds:
        axes.hlines(values, x - 0.35, x + 0.35, color=style.PREDICTION, lw=1.3)
        return
    shown = np.abs(values) > ZERO  # zero has no place on a logarithmic axis
    axes.plot(np.asarray(x)[shown], np.abs(values)[shown], color=style.PREDICTION, lw=1.2, zorder=2)


def _dashes(part: str) -> dict[str, Any]:
    pattern: Any = (0, (1.2, 2.0)) if part == ACROSS else (0, (4, 2.2))
    return {"color": style.PREDICTION, "lw": 1.4, "ls": pattern, "zorder": 4}


def _marker(part: str) -> str:
    return "^" if part == ACROSS else "o"


def _look(p: Point, colour: str, size: float = 5.0) -> dict[str, Any]:
    """Colour of the curve, marker of the problem, hollow across the minima."""
    return {
        "color": colour,
        "marker": MARKERS[p.problem % len(MARKERS)],
        "ls": "none",
        "ms": size,
        "mfc": "none" if p.part == ACROSS else colour,
        "zorder": 3,
    }


def _name(curve: str, part: str) -> str:
    where = {"along the minima": ": along", ACROSS: ": across"}
    return curve + where.get(part, "")


def _legend(figure: Figure, result: ReverseScenarioResult) -> None:
    handles = [
        Line2D([], [], color=style.STUDENTS[k], marker="o", ms=5, lw=0)
        for k in range(len(result.scenario.curves))
    ]
    names = [c.name for c in result.scenario.curves]
    if any(p.part == ACROSS for p in result.points):
        handles.append(Line2D([], [], color=style.INK, marker="o", mfc="none", ms=5, lw=0))
        names.append("hollow: across the minima")
    figure.legend(handles, names, loc="outside upper left", ncols=1 if len(names) > 2 else 2)
