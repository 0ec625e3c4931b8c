"""Mutual kNN over the number of samples: what a single score says, and what it does not."""

from __future__ import annotations

import numpy as np

from methexis.measures import NeighbourCurve
from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.mark import Look
from methexis.plots.panel import Axis, Legend, Panel


def falling(curve: NeighbourCurve) -> Panel:
    """Scores over numbers of samples, a line per number of neighbours, with chance."""
    marks = []
    for place, k in enumerate(curve.ks):
        colour = style.colour_of(place)
        look = Look(colour, marker="o", size=4)
        marks.append(Curve(curve.ns, curve.scores[:, place], look, f"k = {k}"))
        label = "chance" if place == len(curve.ks) - 1 else ""
        look = Look(colour, width=1.2, dashes=(1, 1.6))
        marks.append(Curve(curve.ns, curve.chance[:, place], look, label))
    names = tuple(f"{n:,}" for n in curve.ns)
    x = Axis("samples", "log", ticks=tuple(curve.ns), names=names)
    y = Axis(f"mutual kNN ({curve.metric})", low=min(0.0, float(np.nanmin(curve.scores))))
    return Panel(x, y, tuple(marks), Legend(4), height=330)


def in_words(curve: NeighbourCurve, k: int) -> str:
    """What becomes of the score at k as samples are added, in one sentence.

    Examples
    --------
    >>> x, y = np.random.default_rng(0).normal(size=(2, 240, 4))
    >>> from methexis.measures import neighbour_curve
    >>> in_words(neighbour_curve(x, y, ks=[5, 10], num_subsets=10), 10)[:37]
    'k = 10: .044 of 240 samples, .083 of '
    """
    place = curve.ks.index(k)
    scores = ", ".join(
        f"{_short(score)} of {n:,}{' samples' if n == curve.ns[0] else ''}"
        for n, score in zip(curve.ns, curve.scores[:, place], strict=True)
    )
    found = f"k = {k}: {scores}"
    limit, (low, high) = curve.limits[place], curve.limit_intervals[place]
    if np.isfinite(limit) and np.isfinite(low):
        share = k / curve.ns[0]
        found += (
            f"; at the fixed share k/n = {_short(share)} more samples would give {_short(limit)} "
            f"({_short(low)} to {_short(high)})"
        )
    return found


def _short(value: float) -> str:
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1).replace("-", "−")
