"""Pictures of a comparison: layers beside layers as shades, one layer along many, one pair.

Darker is always more aligned, whether the measure grows or falls with alignment. A stroke through
a cell says that it is not significant after correction, a frame that it is the best of its row. The
colours span what was found, for scores of real models fill a small part of a measure's range; the
bar carries the numbers, and the measure's name and range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

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
from methexis.report.house.labels import shortened, trimmed
from methexis.scenarios.comparing.result import CompareResult

#: Most layers of which every one is named, and most cells in a row that hold their numbers.
_MOST_TICKS, _MOST_WRITTEN = 16, 8
#: Most cells that are drawn as shapes: the page stays small, and frames could not be told apart.
_MOST_DRAWN = 2500
_POINT = Look(style.SGD, marker="o", size=4.5, joined=False)


def figures(result: CompareResult) -> Iterator[Picture]:
    """All pictures: one for each measure, or one of all of them for a single pair of layers."""
    names, alpha = (result.first.names, result.second.names), result.settings.alpha
    if result.single:
        plot = effects(result.found)
        if plot is not None:
            yield Picture("effects", plot, "Effect of every measure, with interval and chance")
    for key, pairs in zip(keys(result), result.found, strict=True):
        title = pairs.measure.title
        if pairs.curve is not None:
            plot = falling(pairs.curve)
            yield Picture(key, plot, f"{title} over the number of samples")
        if result.single:
            continue
        if 1 in pairs.score.shape:
            of = 1 if pairs.score.shape[0] == 1 else 0
            plot = along(pairs, names[of], of="AB"[of], alpha=alpha)
            yield Picture(key, plot, f"{title} along the layers, with chance level")
        else:
            map_ = shades(pairs, names, itself=result.itself, alpha=alpha)
            yield Picture(key, map_, f"{title} of all pairs of layers")


def shades(
    pairs: Grid, names: tuple[Sequence[str], Sequence[str]], *, itself: bool, alpha: float
) -> HeatMap:
    """Scores of all pairs of layers; rows are layers of A, columns layers of B."""
    rows, columns = pairs.score.shape
    size = min(34.0, 330.0 / columns)
    square = rows >= columns / 3
    height = float(np.clip(rows * (size if square else max(size, 12.0)), 90.0, 620.0))
    low, high = _span(pairs, itself=itself, alpha=alpha)
    weak, best = pairs.weak(alpha), pairs.better()
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
        framed=tuple((i, j) for i, j in enumerate(best) if not weak[i, j]),
        struck=tuple((int(i), int(j)) for i, j in np.argwhere(weak)),
        stroke=0.35 if written else 1.0,
        bar=bar_label(pairs),
        bar_below=True,
        pixels=rows * columns > _MOST_DRAWN,
    )


def along(pairs: Grid, names: Sequence[str], *, of: str, alpha: float) -> Panel:
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


def effects(found: Sequence[Grid]) -> Panel | None:
    """One pair by every measure on one axis: 0 is chance, 1 two identical representations."""
    singles = [(p.measure, p.single) for p in found if p.single and np.isfinite(p.single.effect)]
    if not singles:
        return None
    marks: list[Mark] = []
    intervals = any(np.isfinite(one.ci[0]) for _, one in singles)
    for k, (measure, one) in enumerate(singles):
        unit = measure.aligned - one.null_mean
        low, high = sorted((value - one.null_mean) / unit for value in one.ci)
        width = abs(2 * one.null_sd / unit)
        first = k == 0
        chance = Look(style.CONTROL, alpha=0.45)
        ends = ([-width, width], [k - 0.22] * 2, [k + 0.22] * 2)
        marks.append(Band(*ends, chance, "chance ± 2 sd" if first else ""))
        ink = Look(style.INK, width=1.0)
        for at, look in ((0.0, ink), (1.0, replace(ink, dashes=(1, 1.6)))):
            marks.append(Rungs(at, k - 0.22, k + 0.22, look, upright=True))
        if np.isfinite(low):
            marks.append(Curve([low, high], [k, k], Look(style.STUDENTS[5], width=9, blunt=True)))
        label = f"score, {one.confidence:.0%} interval" if intervals else "score"
        marks.append(Curve([one.effect], [k], replace(_POINT, size=4), label if first else ""))
        marks.append(Caption(k - 0.3, measure.title))
    return Panel(
        Axis("effect: 0 by chance, 1 if identical"),
        Axis(low=len(singles) - 0.4, high=-0.9, ticks=(), grid=False, shown=False),
        tuple(marks),
        height=120 + 62 * len(singles),
    )


def bar_label(pairs: Grid) -> str:
    """The measure's name and range, in words."""
    low, high = (
        "−∞" if bound == -np.inf else "∞" if bound == np.inf else style.plain(bound)
        for bound in pairs.measure.range
    )
    return f"{pairs.measure.title} (range {low} … {high})"


def _span(pairs: Grid, *, itself: bool, alpha: float) -> tuple[float, float]:
    """Ends of the colours: what was found, a layer beside itself left out.

    Where nothing is significant it is from chance to aligned, so that noise is pale.
    """
    score = pairs.score.copy()
    if itself and len(score) > 1:
        np.fill_diagonal(score, np.nan)
    values = score[np.isfinite(score)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    known = np.isfinite(pairs.p_corrected)
    if known.any() and not pairs.significant(alpha).any() and np.isfinite(pairs.measure.aligned):
        low, high = min(low, pairs.measure.aligned), max(high, pairs.measure.aligned)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _axis(names: Sequence[str], which: int, *, itself: bool) -> Axis:
    short, rule = shortened(names)
    every = max(1, int(np.ceil(len(names) / _MOST_TICKS)))
    ticks = tuple(range(0, len(names), every))
    shown = tuple(trimmed(short[k], 12) for k in ticks)
    word = f"layer{'' if itself else ' of ' + 'AB'[which]}" + (f" ({rule})" if rule else "")
    upright = which == 1 and max(map(len, shown)) > 2
    label = trimmed(word, 40 if which else 34)
    return Axis(label, ticks=ticks, names=shown, turned=90 if upright else 0)
