"""A dial of kinds as a table: ways in rows, kinds in columns, and what each loses of alignment.

Figures have groups of columns beside each other, so that numbers stay legible on a phone. Shades
are powers of ten of ``1 - A``, since what is lost spans four of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.heat_map import HeatMap
from methexis.plots.interval import Interval
from methexis.plots.mark import Look
from methexis.plots.panel import Axis, Key, Legend, Panel
from methexis.report.breaking.text import rounded
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.breaking.result import ScenarioResult
from methexis.scenarios.framework.judging import OUTLIER

#: ``log₁₀(1 - A)`` of the lightest and of the darkest shade.
LIGHTEST, DARKEST = -4.0, 0.0
#: Height of a row and of the names of columns, in pixels of the design.
_ROW, _HEAD = 33, 125
#: What is lost is drawn no smaller than this in the figure of all cells.
LEAST_LOST = 1e-6
#: Decimals of numbers in a table of so many columns.
_DECIMALS = 5


def heat(result: ScenarioResult, values: Sequence[float], *, small: bool = False) -> HeatMap:
    """Shades and numbers of some columns; where theory is silent a cell has a broken frame."""
    names = [curve.name for curve in result.scenario.curves]
    cells = [[_cell(result, name, value) for value in values] for name in names]
    lost = [[_shade(point) for point in line] for line in cells]
    kinds = [result.scenario.dial.label(value) for value in values]
    places = [(i, j) for i in range(len(names)) for j in range(len(values))]
    silent = tuple(at for at in places if _is(cells, at, "silent"))
    wrong = tuple(at for at in places if _is(cells, at, "outlier"))
    shown = tuple(range(len(names))), tuple(range(len(values)))
    return HeatMap(
        np.array(lost),
        Axis(ticks=() if small else shown[0], names=() if small else tuple(names)),
        Axis(ticks=() if small else shown[1], names=() if small else tuple(kinds), turned=90),
        low=LIGHTEST,
        high=DARKEST,
        width=style.THIRD if small else style.PANEL,
        height=300 if small else _HEAD + _ROW * len(names) + 70,
        square=False,
        lightest="grey",
        texts=()
        if small
        else tuple(tuple("" if p is None else short(p.measured) for p in line) for line in cells),
        text_size=13.0,
        framed=wrong,
        dotted=silent,
        bar="" if small else "1 − alignment, power of ten",
        bar_below=True,
    )


def _cell(result: ScenarioResult, curve: str, value: float) -> Point | None:
    """The worst measured problem of a cell; None of what was not measured."""
    points = [p for p in result.of(curve) if p.value == value]
    return min(points, key=lambda p: p.measured) if points else None


def _is(cells: list[list[Point | None]], at: tuple[int, int], what: str) -> bool:
    point = cells[at[0]][at[1]]
    if point is None:
        return False
    if what == "silent":
        return point.silent is not None
    return point.judged and abs(point.deviation) > OUTLIER


def _shade(point: Point | None) -> float:
    if point is None:
        return LIGHTEST
    return float(np.clip(np.log10(max(1.0 - point.measured, 1e-300)), LIGHTEST, DARKEST))


def short(value: float) -> str:
    """An alignment in as few signs as tell whether it is perfect.

    Examples
    --------
    >>> short(0.99997), short(0.99871), short(0.6204), short(-0.1)
    ('1', '.9987', '.62', '−.10')
    """
    if value >= 0.99995:
        return "1"
    digits = 4 if value >= 0.99 else 2
    return f"{value:.{digits}f}".replace("0.", ".", 1).replace("-", "−")


def scatter(result: ScenarioResult) -> Panel:
    """All cells that theory speaks of: what is measured to be lost over what is predicted."""
    marks: list[Any] = [Curve([LEAST_LOST, 1.0], [LEAST_LOST, 1.0], Look(style.PREDICTION))]
    keys = []
    for k, curve in enumerate(result.scenario.curves):
        points = [p for p in result.of(curve.name) if p.judged]
        if not points:
            continue
        hollow = "none" if k >= len(style.STUDENTS) else None  # more curves than colours
        look = Look(
            style.colour_of(k), width=1.2, marker="o", size=5, inside=hollow, joined=False, order=3
        )
        keys.append(Key(curve.name, look))
        lost = np.maximum([[1 - p.predicted, 1 - p.measured] for p in points], LEAST_LOST)
        marks.append(Interval(lost[:, 0], lost[:, 1], [p.half for p in points], look, caps=2.0))
    axis = Axis("1 − alignment, predicted", "log", low=0.6 * LEAST_LOST, high=1.0)
    other = Axis("1 − alignment, measured", "log", low=0.6 * LEAST_LOST, high=1.0)
    return Panel(axis, other, tuple(marks), Legend(3, tuple(keys)), height=520)


def _words(point: Point) -> dict[str, str]:
    return dict(zip(("predicted", "measured", "half"), rounded(point, _DECIMALS), strict=True))


def grid(result: ScenarioResult) -> list[dict[str, Any]]:
    """Rows of the table in words: every cell with prediction, measurement and interval."""
    return [
        {
            "name": curve.name,
            "cells": [
                None if point is None else _words(point)
                for point in (_cell(result, curve.name, v) for v in result.scenario.dial.values)
            ],
        }
        for curve in result.scenario.curves
    ]
