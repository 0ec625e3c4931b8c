"""Drawing of comparisons on axes: pairs of layers as shades, one layer along many, one pair.

Darker is always more aligned, whether the measure grows or falls with alignment. A stroke through a
cell says that it is not significant after correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis import plots
from methexis.core.checks import Array
from methexis.measures.measure import Measure
from methexis.text import shown

#: Most layers of which every one is named, signs of a name, and cells that hold their numbers.
_MOST_TICKS, _MOST_SIGNS, _MOST_WRITTEN = 16, 16, 8
#: Most names of levels that stand level below an axis.
_MOST_LEVEL = 3
#: Most cells that are drawn as shapes.
_MOST_DRAWN = 2500
#: Deviations that the band of chance spans to either side.
_BAND = 2.0


@dataclass(frozen=True, eq=False)
class Pairs:
    """What is drawn of a grid."""

    measure: Measure[Any]
    #: (row, column)
    score: Array
    null_mean: Array
    null_sd: Array
    weak: NDArray[np.bool_]  # pairs that are not significant
    #: Of the layers, and what an axis of them is called.
    names: tuple[list[str], list[str]]
    titles: tuple[str, str]
    same: bool  # whether both sides are one


def grid(pairs: Pairs, ax: plots.Axes | None) -> plots.Axes:
    """Draw all pairs as shades; of one layer with many, their scores along these.

    Raises
    ------
    MethexisError
        If no pair has a score.
    """
    if 1 in pairs.score.shape and pairs.score.size > 1:
        return plots.onto(ax, _along(pairs))
    return plots.onto(ax, _shades(pairs))


@dataclass(frozen=True)
class Mark:
    """A score with an interval, and what it is of: how rows were paired, or with what."""

    name: str
    score: float
    ci: tuple[float, float]
    estimated: bool = True  # what was not, such as a ceiling of 1, is hollow


def pair(
    measure: Measure[Any],
    scored: Mark,
    levels: Sequence[Mark],
    chance: tuple[float, float],
    n: int,
    ax: plots.Axes | None,
) -> plots.Axes:
    """Draw the score of one pair, with its interval, beside chance and the levels to read it by.

    Raises
    ------
    MethexisError
        If there is no score.
    """
    mean, sd = chance
    ends = (mean - _BAND * sd, mean + _BAND * sd)
    random = [Mark("rows at random\n(± 2 sd)", mean, ends)] if np.isfinite(mean) else []
    columns = [*random, *levels, scored]
    marks: list[plots.Mark] = []
    for place, one in enumerate(columns):
        colour = plots.style.SGD if one is scored else plots.style.CONTROL
        look = plots.Look(colour, marker="o", size=7, inside=None if one.estimated else "none")
        if np.isfinite(one.ci).all():
            marks.append(plots.Curve([place, place], one.ci, plots.Look(colour, width=2.0)))
        marks.append(plots.Curve([place], [one.score], look))
    if np.isfinite(measure.aligned):
        look = plots.Look(plots.style.CONTROL, width=1.0, dashes=(1, 1.6))
        marks.append(plots.Level(measure.aligned, look, "identical"))
    x = plots.Axis(
        f"what is scored, with intervals ({n:,} rows)", low=-0.5, high=len(columns) - 0.5,
        ticks=tuple(range(len(columns))), names=tuple(one.name for one in columns), grid=False,
        turned=30 if len(columns) > _MOST_LEVEL else 0,
    )  # fmt: skip
    marks = marks if np.isfinite(scored.score) else []
    return plots.onto(ax, plots.Panel(x, plots.Axis(measure.title), tuple(marks)))


def _shades(pairs: Pairs) -> plots.HeatMap:
    rows, columns = pairs.score.shape
    low, high = _span(pairs)
    few = max(rows, columns) <= _MOST_WRITTEN
    return plots.HeatMap(
        pairs.score,
        rows=_axis(pairs, 0),
        columns=_axis(pairs, 1),
        low=low,
        high=high,
        square=rows >= columns / 3,
        lightest="grey",
        reversed=pairs.measure.distance,
        gaps=0.8 if few else 0.0,
        texts=tuple(tuple(_number(v, high - low) for v in row) for row in pairs.score)
        if few
        else (),
        struck=tuple((int(i), int(j)) for i, j in np.argwhere(pairs.weak)),
        stroke=0.35 if few else 1.0,
        bar=pairs.measure.title,
        bar_below=True,
        pixels=rows * columns > _MOST_DRAWN,
    )


def _along(pairs: Pairs) -> plots.Panel:
    which = 0 if pairs.score.shape[1] == 1 else 1
    score, mean, sd = (np.ravel(a) for a in (pairs.score, pairs.null_mean, pairs.null_sd))
    weak, at = np.ravel(pairs.weak), np.arange(pairs.score.size)
    blue = plots.style.SGD
    marks: list[plots.Mark] = []
    if np.isfinite(mean).any():
        grey = plots.Look(plots.style.CONTROL, alpha=0.3)
        ends = (at, mean - _BAND * sd, mean + _BAND * sd)
        marks.append(plots.Band(*ends, grey, "chance ± 2 sd"))
    marks.append(plots.Curve(at, score, plots.Look(blue, width=1.4, alpha=0.8)))
    for these, inside, name in ((~weak, None, "significant"), (weak, "white", "not significant")):
        if these.any():
            look = plots.Look(blue, marker="o", size=5, inside=inside, joined=False)
            shown_name = name if np.isfinite(mean).any() else ""
            marks.append(plots.Curve(at[these], score[these], look, shown_name))
    return plots.Panel(_axis(pairs, which), plots.Axis(pairs.measure.title), tuple(marks))


def _span(pairs: Pairs) -> tuple[float, float]:
    """Ends of the colours: what was found, a layer beside itself left out."""
    score = pairs.score.copy()
    if pairs.same and len(score) > 1:
        np.fill_diagonal(score, np.nan)
    values = score[np.isfinite(score)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _axis(pairs: Pairs, which: int) -> plots.Axis:
    names = pairs.names[which]
    every = max(1, -(-len(names) // _MOST_TICKS))
    ticks = tuple(range(0, len(names), every))
    labels = tuple(trimmed(names[k]) for k in ticks)
    upright = max(map(len, labels)) > 3 and (which == 1 or pairs.score.shape[1] == 1)
    return plots.Axis(pairs.titles[which], ticks=ticks, names=labels, turned=90 if upright else 0)


def titles(models: Sequence[Sequence[str]], *, same: bool) -> tuple[str, str]:
    """What axes of layers are called: after the model, where all are of one that has a name."""
    words = []
    for names, side in zip(models, ("first", "second"), strict=True):
        one = set(names)
        name = one.pop() if len(one) == 1 else ""
        words.append(
            f"layer of {trimmed(name)}" if name else "layer" if same else f"layer ({side})"
        )
    return words[0], words[1]


def trimmed(name: str) -> str:
    """A name for a tick: the middle of a long one is left out.

    Examples
    --------
    >>> trimmed("encoder.layer.11.attention"), trimmed("h1")
    ('encoder.…ttention', 'h1')
    """
    name, half = shown(name), _MOST_SIGNS // 2
    return name if len(name) <= _MOST_SIGNS + 1 else f"{name[:half]}…{name[-half:]}"


def _number(value: float, span: float) -> str:
    """A score in a cell, with as many decimals as tell cells apart."""
    return f"{value:z.{2 if span >= 0.1 else 3}f}" if np.isfinite(value) else ""
