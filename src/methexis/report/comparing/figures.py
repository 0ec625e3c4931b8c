"""Pictures of a comparison: layers beside layers as shades, one layer along many, one pair.

Grids are drawn as `Grid.plot` draws them (`measures.inference.drawing`). What the answer of a job
adds stands out: a frame round the best of a row, where it is ahead of all others, and a broken one
round each that may be it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from methexis.measures import Grid, NeighbourCurve, NeighbourScales, SearchCurve
from methexis.measures.inference import drawing as inference_drawing
from methexis.measures.inference.drawing import Cells, Pairs, along, shades
from methexis.measures.neighbours import drawing
from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.interval import Band
from methexis.plots.levels import Caption, Rungs
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Legend, Panel, Picture
from methexis.report.comparing.words import keys
from methexis.scenarios.comparing.answer import Answer
from methexis.scenarios.comparing.result import CompareResult

_POINT = Look(style.SGD, marker="o", size=4.5, joined=False)


def figures(result: CompareResult) -> Iterator[Picture]:
    """All pictures: one for each measure, or one of all of them for a single pair of layers."""
    names, alpha = (result.first.names, result.second.names), result.settings.alpha
    plot = effects(result.found, result.answers)
    if plot is not None:
        words = "Levels of every measure: chance, references, ceiling, and the score between them"
        yield Picture("effects", plot, words)
    for key, curve in zip(keys(result), result.curves, strict=False):
        plot = over_samples(curve)
        yield Picture(f"{key}_samples", plot, f"Best {curve.title} over the number of samples")
    for key, pairs, answer in zip(keys(result), result.found, result.answers, strict=True):
        title = pairs.measure.title
        if pairs.curve is not None:
            plot = falling(pairs.curve)
            yield Picture(key, plot, f"{title} over the number of samples")
        if pairs.scales is not None:
            plot = over_scales(pairs.scales)
            yield Picture(f"{key}_scales", plot, f"{title} over the number of neighbours")
        if result.single:
            continue
        shown = drawn(pairs, names, answer, itself=result.itself, alpha=alpha)
        if 1 in pairs.score.shape:
            yield Picture(key, along(shown), f"{title} along the layers, with chance level")
        else:
            yield Picture(key, shades(shown), f"{title} of all pairs of layers")


def drawn(
    pairs: Grid,
    names: tuple[Sequence[str], Sequence[str]],
    answer: Answer,
    *,
    itself: bool,
    alpha: float,
) -> Pairs:
    """What is drawn of a grid, with what its answer makes stand out."""
    weak = pairs.weak(alpha)
    framed, dotted = marked(pairs, answer.in_row, alpha)
    return Pairs(
        pairs.measure,
        pairs.score,
        pairs.null_mean,
        pairs.null_sd,
        weak,
        names=(list(names[0]), list(names[1])),
        titles=("layer", "layer") if itself else ("layer of A", "layer of B"),
        same=itself,
        framed=framed,
        dotted=dotted,
        ringed=np.ravel(answer.in_set) & ~np.ravel(weak),
    )


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


def falling(curve: NeighbourCurve) -> Panel:
    """Scores over numbers of samples, a line per number of neighbours, with chance."""
    return drawing.falling(curve.ns, curve.ks, curve.scores, curve.chance, curve.metric)


def over_samples(curve: SearchCurve) -> Panel:
    """Best scores over numbers of samples, with what they need after the search."""
    return inference_drawing.over_samples(
        inference_drawing.Searched(
            curve.ns, curve.scores, curve.needed, curve.chance, curve.followed, curve.title
        )
    )


def over_scales(scales: NeighbourScales) -> Panel:
    """Scores over numbers of neighbours, with chance."""
    return drawing.over_scales(scales.ks, scales.scores, scales.chance, scales.sd, scales.metric)


def effects(grids: Sequence[Grid], answers: Sequence[Answer]) -> Panel | None:
    """The most aligned pair by every measure on one axis: 0 is chance, 1 two that are identical.

    References and ceiling are marks on the same axis.
    """
    shown = [
        (pairs, answer)
        for pairs, answer in zip(grids, answers, strict=True)
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
