"""Pictures of a comparison: layers beside layers as shades, one layer along many, one pair.

Darker is always more aligned, whether the measure grows or falls with alignment. A stroke through a
cell says that it is not significant after correction, a frame that it is the best of its row and
ahead of all others, a broken frame that it may be the best. The colours go from chance to
identical, in every report alike, so that two of them compare; cells have their numbers where they
fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from methexis.measures import Grid, NeighbourCurve
from methexis.measures.neighbours import drawing
from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.heat_map import HeatMap
from methexis.plots.interval import Band
from methexis.plots.levels import Caption, Rungs
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Legend, Panel, Picture
from methexis.report.comparing.words import cell, keys
from methexis.report.house.labels import labels, shortened, trimmed
from methexis.scenarios.comparing.answer import Answer
from methexis.scenarios.comparing.result import CompareResult

#: Most layers of which every one is named, and most cells in a row that hold their numbers.
_MOST_TICKS, _MOST_WRITTEN = 16, 8
#: Signs of a layer's name along an axis; longer ones are shortened to what tells them apart.
_NAME = 12
#: Most cells that are drawn as shapes: the page stays small, and frames could not be told apart.
_MOST_DRAWN = 2500
_POINT = Look(style.SGD, marker="o", size=4.5, joined=False)


def figures(result: CompareResult) -> Iterator[Picture]:
    """All pictures: one for each measure, or one of all of them for a single pair of layers."""
    names, alpha = (result.first.names, result.second.names), result.settings.alpha
    plot = effects(result.found, result.answers)
    if plot is not None:
        words = "Levels of every measure: chance, references, ceiling, and the score between them"
        yield Picture("effects", plot, words)
    for key, pairs, answer in zip(keys(result), result.found, result.answers, strict=True):
        title = pairs.measure.title
        if pairs.curve is not None:
            plot = falling(pairs.curve)
            yield Picture(key, plot, f"{title} over the number of samples")
        if result.single:
            continue
        if 1 in pairs.score.shape:
            of = 1 if pairs.score.shape[0] == 1 else 0
            plot = along(pairs, names[of], answer, of="AB"[of], alpha=alpha)
            yield Picture(key, plot, f"{title} along the layers, with chance level")
        else:
            map_ = shades(pairs, names, answer.in_row, itself=result.itself, alpha=alpha)
            yield Picture(key, map_, f"{title} of all pairs of layers")


def shades(
    pairs: Grid,
    names: tuple[Sequence[str], Sequence[str]],
    in_row: NDArray[np.bool_],
    *,
    itself: bool,
    alpha: float,
) -> HeatMap:
    """Scores of all pairs of layers; rows are layers of A, columns layers of B."""
    rows, columns = pairs.score.shape
    size = min(34.0, 330.0 / columns)
    square = rows >= columns / 3
    height = float(np.clip(rows * (size if square else max(size, 12.0)), 90.0, 620.0))
    low, high = _span(pairs, itself=itself)
    weak = pairs.weak(alpha)
    framed, dotted = marked(pairs, in_row, alpha)
    written = max(rows, columns) <= _MOST_WRITTEN
    return HeatMap(
        pairs.score,
        rows=_axis(names[0], 0, itself=itself),
        columns=_axis(names[1], 1, itself=itself),
        low=low,
        high=high,
        width=style.PANEL,
        height=int(height + 150),
        square=square,
        lightest="grey",
        reversed=pairs.measure.distance,
        gaps=0.8 if max(rows, columns) <= 24 else 0.2,
        texts=tuple(
            tuple(cell(value, high - low) for value in line)
            for line in (pairs.score if written else ())
        ),
        framed=framed,
        dotted=dotted,
        struck=tuple((int(i), int(j)) for i, j in np.argwhere(weak)),
        stroke=0.35 if written else 1.0,
        bar=bar_label(pairs),
        bar_below=True,
        pixels=rows * columns > _MOST_DRAWN,
    )


Cells = tuple[tuple[int, int], ...]


def marked(pairs: Grid, in_row: NDArray[np.bool_], alpha: float) -> tuple[Cells, Cells]:
    """Cells that are ahead of all others of their row, and those that may be the best of it.

    Where it is not known which may be, the largest of each row may.
    """
    weak = pairs.weak(alpha)
    alone: list[tuple[int, int]] = []
    maybe: list[tuple[int, int]] = []
    for i, best in enumerate(pairs.better()):
        inside = [int(j) for j in np.flatnonzero(in_row[i])] or [best]
        inside = [j for j in inside if not weak[i, j]]
        (alone if len(inside) == 1 and in_row[i].any() else maybe).extend((i, j) for j in inside)
    return tuple(alone), tuple(maybe)


def along(pairs: Grid, names: Sequence[str], answer: Answer, *, of: str, alpha: float) -> Panel:
    """Scores of one layer of one model along the layers of another, with the chance level."""
    score, mean, sd = (np.ravel(a) for a in (pairs.score, pairs.null_mean, pairs.null_sd))
    weak = np.ravel(pairs.weak(alpha))
    at = np.arange(len(score))
    known = bool(np.isfinite(mean).any())
    marks: list[Mark] = []
    if known:
        look = Look(style.CONTROL, alpha=0.3)
        low, high = mean - 2 * sd, mean + 2 * sd
        marks.append(Band(at, low, high, look, "chance ± 2 sd", stepped=len(at) == 1))
    marks.append(Curve(at, score, Look(style.SGD, width=1.4, alpha=0.8)))
    marks.append(Curve(at[~weak], score[~weak], _POINT, "significant" if known else ""))
    if weak.any():
        hollow = replace(_POINT, inside="white")
        marks.append(Curve(at[weak], score[weak], hollow, "not significant"))
    inside = np.ravel(answer.in_set) & ~weak
    if inside.any():
        ring = Look(style.STUDENTS[1], width=1.4, marker="o", size=9, joined=False, inside="none")
        one = "nearest" if inside.sum() == 1 else "may be nearest"
        marks.append(Curve(at[inside], score[inside], ring, one))
    every = max(1, int(np.ceil(len(at) / 10)))
    short, rule = shortened(names)
    shown = tuple(trimmed(name, 14) for name in short[::every])
    x = Axis(
        f"layer of {of}" + (f" ({rule})" if rule else ""),
        ticks=tuple(range(0, len(at), every)),
        names=shown,
        turned=90 if max(map(len, shown)) > 3 else 0,
    )
    return Panel(x, Axis(pairs.measure.title), tuple(marks), Legend(3), height=330)


def falling(curve: NeighbourCurve) -> Panel:
    """Scores over numbers of samples, a line per number of neighbours, with chance."""
    return drawing.falling(curve.ns, curve.ks, curve.scores, curve.chance, curve.metric)


def effects(found: Sequence[Grid], answers: Sequence[Answer]) -> Panel | None:
    """The most aligned pair by every measure on one axis: 0 is chance, 1 two that are identical.

    References and ceiling are marks on the same axis.
    """
    shown = [
        (pairs, answer)
        for pairs, answer in zip(found, answers, strict=True)
        if np.isfinite(pairs.effect[answer.place])
    ]
    if not shown:
        return None
    marks: list[Mark] = []
    named: set[str] = set()
    for k, (pairs, answer) in enumerate(shown):
        marks += _row_of_levels(k, pairs, answer, named)
    return Panel(
        Axis("effect: 0 by chance, 1 if identical"),
        Axis(low=len(shown) - 0.4, high=-0.9, ticks=(), grid=False, shown=False),
        tuple(marks),
        Legend(3),
        height=150 + 62 * len(shown),
    )


#: How references look, in the order in which they are given.
_SHAPES = ("D", "s", "^", "v", "P", "X")


def _row_of_levels(k: int, pairs: Grid, answer: Answer, named: set[str]) -> list[Mark]:
    """One measure: its levels and its score, at a height; names once in the legend."""
    mean, sd = float(pairs.null_mean[answer.place]), float(pairs.null_sd[answer.place])
    unit = pairs.measure.aligned - mean

    def once(name: str) -> str:
        new = name not in named
        named.add(name)
        return name if new else ""

    width = abs(2 * sd / unit) if np.isfinite(sd) else 0.0
    ends = ([-width, width], [k - 0.22] * 2, [k + 0.22] * 2)
    marks: list[Mark] = [Band(*ends, Look(style.CONTROL, alpha=0.45), once("chance ± 2 sd"))]
    ink = Look(style.INK, width=1.0)
    for at, look in ((0.0, ink), (1.0, replace(ink, dashes=(1, 1.6)))):
        marks.append(Rungs(at, k - 0.22, k + 0.22, look, upright=True))
    effect = float(pairs.effect[answer.place])
    ci = pairs.single.ci if pairs.single is not None else (np.nan, np.nan)
    if answer.ranking is not None and not np.isfinite(ci[0]):
        low, high = answer.ranking.intervals[answer.ranking.best]
    else:
        low, high = sorted((value - mean) / unit for value in ci)
    if np.isfinite(low):
        bar = Look(style.STUDENTS[5], width=9, blunt=True)
        marks.append(Curve([low, high], [k, k], bar, once("95% interval")))
    for place, one in enumerate(answer.levels.marks[1:] if answer.levels else ()):
        at = (one.score - mean) / unit
        if one.kind == "ceiling" and one.estimated and np.isfinite(at):
            look = Look(style.STUDENTS[2], width=2.2)
            marks.append(Rungs(at, k - 0.26, k + 0.26, look, upright=True))
            marks.append(
                Curve([at], [k + 0.26], replace(look, marker="v", size=5), once("ceiling"))
            )
        elif one.kind != "ceiling" and np.isfinite(at):
            shape = _SHAPES[place % len(_SHAPES)]
            look = Look(style.STUDENTS[1], marker=shape, size=6, joined=False, inside="white")
            marks.append(Curve([at], [k], look, once(one.name)))
    marks.append(Curve([effect], [k], replace(_POINT, size=5), once("score")))
    marks.append(Caption(k - 0.3, pairs.measure.title))
    return marks


def bar_label(pairs: Grid) -> str:
    """The measure's name and range, in words."""
    low, high = (
        "−∞" if bound == -np.inf else "∞" if bound == np.inf else style.plain(bound)
        for bound in pairs.measure.range
    )
    return f"{pairs.measure.title} (range {low} … {high})"


def _span(pairs: Grid, *, itself: bool) -> tuple[float, float]:
    """Ends of the colours: chance, and two that are identical.

    The chance level is the middle one of all pairs, to two decimals. Where one of both is unknown,
    what was found, a layer beside itself left out.
    """
    chance = np.nanmedian(pairs.null_mean) if np.isfinite(pairs.null_mean).any() else np.nan
    ends = (float(np.round(chance, 2)) + 0.0, pairs.measure.aligned)
    if np.isfinite(ends).all() and ends[0] != ends[1]:
        return min(ends), max(ends)
    score = pairs.score.copy()
    if itself and len(score) > 1:
        np.fill_diagonal(score, np.nan)
    values = score[np.isfinite(score)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _axis(names: Sequence[str], which: int, *, itself: bool) -> Axis:
    short, rule = labels(names, _NAME)
    every = max(1, int(np.ceil(len(names) / _MOST_TICKS)))
    ticks = tuple(range(0, len(names), every))
    shown = tuple(trimmed(short[k], _NAME) for k in ticks)
    word = f"layer{'' if itself else ' of ' + 'AB'[which]}" + (f" ({rule})" if rule else "")
    upright = which == 1 and max(map(len, shown)) > 2
    label = trimmed(word, 40 if which else 34)
    return Axis(label, ticks=ticks, names=shown, turned=90 if upright else 0)
