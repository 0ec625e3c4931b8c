"""Mutual kNN over the number of samples: what a single score says, and what it does not."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from methexis.measures import NeighbourCurve
from methexis.plots import style


def falling(curve: NeighbourCurve) -> Figure:
    """Scores over numbers of samples, a line per number of neighbours, with chance."""
    figure, axes = style.new_figure(style.PANEL, 330)
    for place, k in enumerate(curve.ks):
        colour = style.STUDENTS[place % len(style.STUDENTS)]
        axes.plot(curve.ns, curve.scores[:, place], "o-", ms=4, color=colour, label=f"k = {k}")
        label = "chance" if place == len(curve.ks) - 1 else None
        axes.plot(
            curve.ns, curve.chance[:, place], color=colour, lw=1.2, ls=(0, (1, 1.6)), label=label
        )
    style.log_axis(axes, "x")
    axes.set_xticks(curve.ns, [f"{n:,}" for n in curve.ns])
    axes.set_ylim(bottom=min(0.0, float(np.nanmin(curve.scores))))
    axes.set_xlabel("samples")
    axes.set_ylabel(f"mutual kNN ({curve.metric})")
    style.legend(figure, axes, columns=4)
    return figure


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
