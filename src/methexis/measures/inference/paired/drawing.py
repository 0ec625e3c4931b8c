"""Pictures of paired scores: which of two is closer, many in order, levels on one axis.

All are points above names, with intervals. What an interval is about differs, so each picture says
it in its legend: of two scores the uncertainty of their difference, of many that of all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis import plots
from methexis.core.checks import Array
from methexis.measures.inference import drawing
from methexis.plots import labels
from methexis.text import shown

#: Most pairs that are drawn, the most aligned first, and signs of the name of each.
_MOST_PAIRS, _NAME = 24, 18
#: Room for the key above intervals, as a share of their height.
_ROOM = 0.25


def two(
    scores: tuple[float, float],
    difference: tuple[float, float],
    names: tuple[str, str, str],
    title: str,
    counted: str,
) -> plots.Panel:
    """Two scores, with intervals that overlap unless one is closer.

    Half of the interval of the difference lies to each side of both scores. So the two intervals
    touch where the interval of the difference touches zero, and nowhere else.

    Parameters
    ----------
    scores : (float, float)
        Scores of A with B, and of A with C.
    difference : (float, float)
        Interval of their difference.
    names : (str, str, str)
        Names of A, B and C.
    title : str
        Title of the measure.
    counted : str
        How many samples, or subjects, they are over.
    """
    half = (difference[1] - difference[0]) / 4.0
    look = "intervals overlap unless one is closer"
    marks = [plots.Interval([0.0, 1.0], scores, [half, half], _points(), look)]
    a, b, c = (drawing.trimmed(name) for name in names)
    across = plots.Axis(
        f"{a} beside what ({counted})", low=-0.5, high=1.5, ticks=(0, 1), names=(b, c), grid=False
    )
    upwards = _with_room(title, np.array(scores) - half, np.array(scores) + half)
    return plots.Panel(across, upwards, tuple(marks), plots.Legend(1))


def _points(*, grey: bool = False, hollow: bool = False) -> plots.Look:
    """The look of points with intervals."""
    colour = plots.style.CONTROL if grey else plots.style.SGD
    inside = "white" if hollow else None
    return plots.Look(colour, marker="o", size=7, width=2.0, inside=inside, joined=False)


def _with_room(label: str, lows: Array, highs: Array) -> plots.Axis:
    """An axis of intervals with room for the key above them."""
    low, high = float(np.min(lows)), float(np.max(highs))
    room = _ROOM * (high - low)
    if not room > 0.0:  # numbers that are not known, or one alone
        return plots.Axis(label)
    return plots.Axis(label, low=low - room / 4.0, high=high + room)


@dataclass(frozen=True, eq=False)
class Ordered:
    """What is drawn of pairs in order."""

    names: Sequence[str]
    #: (pair,)
    effects: Array
    intervals: Array  # (pair, 2)
    in_set: NDArray[np.bool_]  # whether it may be the most aligned
    confidence: float
    title: str  # of the measure
    n: int


def ordered(pairs: Ordered) -> plots.Panel:
    """Effects of pairs, the most aligned first; full are those that may be the most aligned."""
    count = len(pairs.names)
    order = np.argsort(-pairs.effects, kind="stable")[:_MOST_PAIRS]
    places = np.arange(len(order), dtype=np.float64)
    effects, inside = pairs.effects[order], pairs.in_set[order]
    half = (pairs.intervals[order, 1] - pairs.intervals[order, 0]) / 2.0
    marks = []
    for chosen, look, name in (
        (inside, _points(), "may be the most aligned"),
        (~inside, _points(grey=True, hollow=True), "is not the most aligned"),
    ):
        if chosen.any():
            points = places[chosen], effects[chosen], half[chosen]
            marks.append(plots.Interval(*points, look, name))
    short, rule = labels.labels([shown(name) for name in pairs.names], _NAME)
    told = tuple(short[k] for k in order)
    kept = "" if len(order) == count else f"first {len(order)} of {count}, "
    rule = f"; {labels.trimmed(rule, 30)}" if rule else ""
    across = plots.Axis(
        f"pairs in order ({kept}{pairs.n:,} rows{rule})", low=-0.5, high=len(order) - 0.5,
        ticks=tuple(places.tolist()), names=told, grid=False,
        turned=0 if len(order) <= 6 and max(map(len, told)) <= 6 else 90,
    )  # fmt: skip
    label = f"effect ({pairs.title}), {pairs.confidence:.0%} together"
    upwards = _with_room(label, effects - half, effects + half)
    return plots.Panel(across, upwards, tuple(marks))


def ladder(levels: Sequence[drawing.Mark], score: float) -> plots.Panel:
    """Levels on one axis, each with its interval, and across them the score that they read.

    Parameters
    ----------
    levels : sequence of Mark
        Levels in the order in which they stand.
    score : float
        The score; NaN where it is not known.
    """
    marks: list[plots.Mark] = []
    for estimated in (True, False):
        here = [(k, one) for k, one in enumerate(levels) if one.estimated == estimated]
        if here:
            half = [(one.ci[1] - one.ci[0]) / 2.0 for _, one in here]
            look = _points(grey=True, hollow=not estimated)
            marks.append(
                plots.Interval(
                    [k for k, _ in here], [one.score for _, one in here],
                    np.nan_to_num(half), look, "" if estimated else "not estimated",
                )
            )  # fmt: skip
    if np.isfinite(score):
        blue = plots.Look(plots.style.SGD, width=2.0)
        marks.append(plots.Level(score, blue, "the score that is read"))
    across = plots.Axis(
        "level, with its interval", low=-0.5, high=len(levels) - 0.5,
        ticks=tuple(range(len(levels))), names=tuple(one.name for one in levels), grid=False,
        turned=30 if len(levels) > drawing.MOST_LEVEL else 0,
    )  # fmt: skip
    return plots.Panel(across, plots.Axis("score, in units of the measure"), tuple(marks))
