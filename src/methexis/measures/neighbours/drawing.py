"""Drawing of mutual kNN over numbers of samples, on axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis import plots
from methexis.core.checks import Array


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
