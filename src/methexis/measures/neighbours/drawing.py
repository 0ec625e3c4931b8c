"""Drawing of mutual kNN over numbers of samples, on axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis import plots
from methexis.core.checks import Array


def over_scales(
    ks: Sequence[int], scores: Array, chance: Array, sd: Array, metric: str
) -> plots.Panel:
    """Scores over numbers of neighbours, with chance and two of its deviations."""
    ink, grey = plots.style.colour_of(0), plots.style.CONTROL
    spread = 2.0 * np.nan_to_num(sd)
    band = plots.Band(ks, chance - spread, chance + spread, plots.Look(grey, alpha=0.4))
    dotted = plots.Curve(ks, chance, plots.Look(grey, width=1.2, dashes=(1, 1.6)), "chance ± 2 sd")
    line = plots.Curve(ks, scores, plots.Look(ink, marker="o", size=4), "score")
    x = plots.Axis("neighbours k", "log", ticks=tuple(ks), names=tuple(f"{k:,}" for k in ks))
    y = plots.Axis(f"mutual kNN ({metric})", low=0.0)
    return plots.Panel(x, y, (band, dotted, line), plots.Legend(2), height=330)


def falling(
    ns: Sequence[int], ks: Sequence[int], scores: Array, chance: Array, metric: str
) -> plots.Panel:
    """Scores ``(len(ns), len(ks))`` over numbers of samples: a line per k, and its chance."""
    marks: list[plots.Mark] = []
    for place, k in enumerate(ks):
        colour = plots.style.colour_of(place)
        look = plots.Look(colour, marker="o", size=4)
        marks.append(plots.Curve(ns, scores[:, place], look, f"k = {k}"))
        label = "chance" if place == len(ks) - 1 else ""
        look = plots.Look(colour, width=1.2, dashes=(1, 1.6))
        marks.append(plots.Curve(ns, chance[:, place], look, label))
    names = tuple(f"{n:,}" for n in ns)
    known = scores[np.isfinite(scores)]
    x = plots.Axis("samples", "log", ticks=tuple(ns), names=names)
    y = plots.Axis(f"mutual kNN ({metric})", low=min(0.0, float(known.min(initial=0.0))))
    return plots.Panel(x, y, tuple(marks), plots.Legend(4), height=330)
