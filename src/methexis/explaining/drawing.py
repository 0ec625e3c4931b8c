"""Drawing of ladders on axes: one pair as shares with intervals, many pairs as shades."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis import plots
from methexis.core.checks import Array
from methexis.explaining.rung import Rung
from methexis.measures.inference.drawing import layer_axis

#: Names of the rungs along an axis, and the signs that stand for them in cells.
TICKS = {
    "identity": "same\ncoordinates",
    "permutation": "units\nreordered",
    "rotation": "rotation",
    "reweighted": "and\nweights",
    "linear": "linear",
    "nonlinear": "nonlinear",
}
SIGNS = {
    "identity": "I",
    "permutation": "P",
    "rotation": "R",
    "reweighted": "W",
    "linear": "L",
    "nonlinear": "N",
    "nothing": "0",
    None: "?",
}
#: Most rows or columns whose cells hold signs.
_MOST_WRITTEN = 16


def panel(rungs: Sequence[Rung], named: str | None, possible: Sequence[str]) -> plots.Panel:
    """Shares of all rungs: full where it is the one needed, ringed where it may be."""
    marks: list[plots.Mark] = []
    known = [one.share for one in rungs if np.isfinite(one.share)]
    least = min([0.0, *(max(share, -0.1) for share in known)])
    for place, one in enumerate(rungs):
        if not np.isfinite(one.share):
            continue
        chosen = one.name == named
        maybe = named is None and one.name in possible
        colour = plots.style.SGD if chosen or maybe else plots.style.CONTROL
        ends = np.clip(one.ci, -0.1, 1.0)
        marks.append(plots.Curve([place, place], ends, plots.Look(colour, width=2.0)))
        look = plots.Look(colour, marker="o", size=8, inside="white" if maybe else None)
        marks.append(plots.Curve([place], [max(one.share, -0.1)], look))
    if known:
        look = plots.Look(plots.style.CONTROL, width=1.0, dashes=(1, 1.6))
        marks.append(plots.Level(1.0, look))
    x = plots.Axis(
        "maps that are allowed", low=-0.5, high=len(rungs) - 0.5, ticks=tuple(range(len(rungs))),
        names=tuple(TICKS[one.name] for one in rungs), grid=False, turned=30,
    )  # fmt: skip
    y = plots.Axis("share of variance explained", low=least - 0.02, high=1.05)
    return plots.Panel(x, y, tuple(marks), legend=None)


def shades(
    shares: Array, signs: Sequence[Sequence[str]], names: tuple[Sequence[str], Sequence[str]]
) -> plots.HeatMap:
    """Shares that the linear map explains of all pairs, each with the sign of its rung."""
    rows, columns = shares.shape
    few = max(rows, columns) <= _MOST_WRITTEN
    return plots.HeatMap(
        np.clip(shares, 0.0, 1.0),
        rows=layer_axis(names[0], "layer (first)", 0),
        columns=layer_axis(names[1], "layer (second)", 1),
        square=rows >= columns / 3,
        lightest="grey",
        texts=tuple(tuple(row) for row in signs) if few else (),
        bar="share explained by a linear map",
        bar_below=True,
    )
