"""Pictures of comparisons: pairs of layers as shades, one layer along many, one pair.

Darker is always more aligned, whether the measure grows or falls with alignment. The colours go
from chance to identical, on axes of users and in every report alike, so that two of them compare;
cells have their numbers where they fit. A stroke through a cell says that it is not significant
after correction. What else stands out is for whoever has judged it: frames for cells that are the
best of their row, broken ones for those that may be, rings along a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis import plots
from methexis.core.checks import Array
from methexis.measures.inference.printing import cell
from methexis.measures.measure import Measure
from methexis.plots import labels
from methexis.text import shown

#: Most layers of which every one is named, and most cells in a row that hold their numbers.
_MOST_TICKS, _MOST_WRITTEN = 16, 8
#: Signs of a layer's name along an axis of shades, along a line, and of any other name; longer ones
#: are shortened to what tells them apart.
_NAME, _NAME_ALONG, _MOST_SIGNS = 12, 14, 17
#: Most names along a line.
_MOST_ALONG = 10
#: Width of a sign of an axis, in pixels of the design.
_SIGN = 7.5
#: Most names of levels that stand level below an axis.
MOST_LEVEL = 3
#: Most cells that are drawn as shapes: pages stay small, and frames could not be told apart.
_MOST_DRAWN = 2500
#: Deviations that the band of chance spans to either side.
_BAND = 2.0


Cells = tuple[tuple[int, int], ...]


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
    #: Cells that are the best of their row, that may be, and pairs that are ringed along a line.
    framed: Cells = ()
    dotted: Cells = ()
    ringed: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class Searched:
    """What is drawn of the best of many pairs over numbers of samples."""

    ns: Sequence[int]
    scores: Array
    needed: Array
    chance: Array
    followed: Array
    title: str


def over_samples(given: Searched) -> plots.Panel:
    """Best scores over numbers of samples, what each would need, chance, and the pair followed."""
    grey = plots.style.CONTROL
    best = plots.Look(plots.style.colour_of(0), marker="o", size=4.5)
    needed = plots.Look(plots.style.PREDICTION, width=1.3, dashes=(4, 2))
    chance = plots.Look(grey, width=1.2, dashes=(1, 1.6))
    followed = plots.Look(plots.style.colour_of(1), width=1.2, marker="s", size=3.5)
    marks = (
        plots.Curve(given.ns, given.chance, chance, "chance"),
        plots.Curve(given.ns, given.needed, needed, "needed after the search"),
        plots.Curve(given.ns, given.followed, followed, "best of all samples, followed"),
        plots.Curve(given.ns, given.scores, best, "best at each"),
    )
    names = tuple(f"{n:,}" for n in given.ns)
    x = plots.Axis("samples", "log", ticks=tuple(given.ns), names=names)
    return plots.Panel(x, plots.Axis(given.title), marks, plots.Legend(2), height=330)


def grid(pairs: Pairs) -> plots.HeatMap | plots.Panel:
    """All pairs as shades; of one layer with many, their scores along these."""
    if 1 in pairs.score.shape and pairs.score.size > 1:
        return along(pairs)
    return shades(pairs)


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
) -> plots.Panel:
    """The score of one pair, with its interval, beside chance and the levels to read it by."""
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
        turned=30 if len(columns) > MOST_LEVEL else 0,
    )  # fmt: skip
    marks = marks if np.isfinite(scored.score) else []
    return plots.Panel(x, plots.Axis(measure.title), tuple(marks))


def shades(pairs: Pairs) -> plots.HeatMap:
    """Scores of all pairs of layers; rows are layers of the first, columns of the second."""
    rows, columns = pairs.score.shape
    size = min(34.0, 330.0 / columns)
    square = rows >= columns / 3
    height = float(np.clip(rows * (size if square else max(size, 12.0)), 90.0, 620.0))
    low, high = _span(pairs)
    written = max(rows, columns) <= _MOST_WRITTEN
    return plots.HeatMap(
        pairs.score,
        rows=layer_axis(pairs.names[0], pairs.titles[0], 0),
        columns=layer_axis(pairs.names[1], pairs.titles[1], 1),
        low=low,
        high=high,
        width=plots.style.PANEL,
        height=int(height + 150),
        square=square,
        lightest="grey",
        reversed=pairs.measure.distance,
        gaps=0.8 if max(rows, columns) <= 24 else 0.2,
        texts=tuple(
            tuple(cell(value, high - low) for value in line)
            for line in (pairs.score if written else ())
        ),
        framed=pairs.framed,
        dotted=pairs.dotted,
        struck=tuple((int(i), int(j)) for i, j in np.argwhere(pairs.weak)),
        stroke=0.35 if written else 1.0,
        bar=_bar_label(pairs.measure),
        bar_below=True,
        pixels=rows * columns > _MOST_DRAWN,
    )


def along(pairs: Pairs) -> plots.Panel:
    """Scores of one layer along many, with the chance level."""
    which = 0 if pairs.score.shape[1] == 1 else 1
    score, mean, sd = (np.ravel(a) for a in (pairs.score, pairs.null_mean, pairs.null_sd))
    weak, at = np.ravel(pairs.weak), np.arange(pairs.score.size)
    known = bool(np.isfinite(mean).any())
    blue = plots.style.SGD
    point = plots.Look(blue, marker="o", size=4.5, joined=False)
    marks: list[plots.Mark] = []
    if known:
        grey = plots.Look(plots.style.CONTROL, alpha=0.3)
        ends = (at, mean - _BAND * sd, mean + _BAND * sd)
        marks.append(plots.Band(*ends, grey, "chance ± 2 sd", stepped=len(at) == 1))
    marks.append(plots.Curve(at, score, plots.Look(blue, width=1.4, alpha=0.8)))
    marks.append(plots.Curve(at[~weak], score[~weak], point, "significant" if known else ""))
    if weak.any():
        hollow = replace(point, inside="white")
        marks.append(plots.Curve(at[weak], score[weak], hollow, "not significant"))
    if pairs.ringed is not None and pairs.ringed.any():
        inside = np.ravel(pairs.ringed)
        ring = plots.Look(
            plots.style.STUDENTS[1], width=1.4, marker="o", size=9, joined=False, inside="none"
        )
        one = "nearest" if inside.sum() == 1 else "may be nearest"
        marks.append(plots.Curve(at[inside], score[inside], ring, one))
    every = max(1, -(-len(at) // _MOST_ALONG))
    short, rule = labels.shortened([shown(name) for name in pairs.names[which]])
    names = tuple(labels.trimmed(name, _NAME_ALONG) for name in short[::every])
    x = plots.Axis(
        _with_rule(pairs.titles[which], rule),
        ticks=tuple(range(0, len(at), every)),
        names=names,
        turned=90 if max(map(len, names)) > 3 else 0,
    )
    y = plots.Axis(pairs.measure.title)
    return plots.Panel(x, y, tuple(marks), plots.Legend(3), height=330)


def _bar_label(measure: Measure[Any]) -> str:
    """The measure's name and range, in words."""
    low, high = (
        "−∞" if bound == -np.inf else "∞" if bound == np.inf else plots.style.plain(bound)
        for bound in measure.range
    )
    return f"{measure.title} (range {low} … {high})"


def _span(pairs: Pairs) -> tuple[float, float]:
    """Ends of the colours: chance, and two that are identical.

    The chance level is the middle one of all pairs, to two decimals. Where one of both is unknown,
    what was found, a layer beside itself left out.
    """
    known = bool(np.isfinite(pairs.null_mean).any())
    chance = float(np.nanmedian(pairs.null_mean)) if known else np.nan
    ends = (float(np.round(chance, 2)) + 0.0, pairs.measure.aligned)
    if np.isfinite(ends).all() and ends[0] != ends[1]:
        return min(ends), max(ends)
    score = pairs.score.copy()
    if pairs.same and len(score) > 1:
        np.fill_diagonal(score, np.nan)
    values = score[np.isfinite(score)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def layer_axis(given: Sequence[str], title: str, which: int) -> plots.Axis:
    """The axis of a square of layers: what tells their names apart, and the rest in its title.

    Parameters
    ----------
    given : sequence of str
        Names of the layers.
    title : str
        What the axis is called.
    which : int
        0 for rows, 1 for columns.
    """
    names = [shown(name) for name in given]
    short, rule = labels.labels(names, _NAME)
    every = max(1, -(-len(names) // _MOST_TICKS))
    ticks = tuple(range(0, len(names), every))
    told = tuple(labels.trimmed(short[k], _NAME) for k in ticks)
    upright = which == 1 and max(map(len, told)) > 2
    # Upright beside few rows there is little room.
    room = 40 if which else int(np.clip(len(names) * 34 / _SIGN, 20, 34))
    label = labels.trimmed(_with_rule(title, rule, room), room)
    return plots.Axis(label, ticks=ticks, names=told, turned=90 if upright else 0)


def _with_rule(title: str, rule: str, room: int = 200) -> str:
    """What an axis of layers is called, and what gives back their names, in so many signs."""
    left = max(room - len(title) - len(" ()"), 5)
    return f"{title} ({labels.trimmed(rule, left)})" if rule else title


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
    return labels.trimmed(shown(name), _MOST_SIGNS)
