"""Drawing of what translation is worth against the number of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis import plots
from methexis.transport.worth import Worth

#: Below which share of the variance nothing is drawn: how much worse than none is of no interest.
_LOWEST = -0.1


def panel(curve: Sequence[Worth], identity: Worth | None, shuffled: Worth) -> plots.Panel:
    """Shares predicted and found, the mean of both directions, with the controls as lines."""
    pairs = [float(one.pairs) for one in curve]
    blue, orange = plots.style.STUDENTS[:2]
    marks: list[plots.Mark] = []
    for colour, name, values, ends in (
        (blue, "variance predicted", [one.mean_share for one in curve], "share_ci"),
        (orange, "partners found", [one.mean_top1 for one in curve], "top1_ci"),
    ):
        if not np.isfinite(values).any():
            continue
        low, high = (
            [float(np.mean([ci[end] for ci in getattr(one, ends)])) for one in curve]
            for end in (0, 1)
        )
        drawn = np.clip([low, high], _LOWEST, 1.0)
        marks.append(plots.Band(pairs, drawn[0], drawn[1], plots.Look(colour, alpha=0.2)))
        look = plots.Look(colour, width=2.0, marker="o", size=5)
        marks.append(plots.Curve(pairs, np.maximum(values, _LOWEST), look, name=name))
    controls = [("shuffled pairs", shuffled, (1.0, 1.6))]
    if identity is not None:
        controls.append(("same coordinates", identity, (4.0, 2.0)))
    for name, one, dashes in controls:
        for colour, value in ((blue, one.mean_share), (orange, one.mean_top1)):
            if np.isfinite(value):
                look = plots.Look(colour, width=1.2, dashes=dashes)
                named = name if colour == blue else ""  # once, whatever its colour
                marks.append(plots.Level(max(value, _LOWEST), look, name=named))
    x = plots.Axis("pairs that are learnt from", scale="log" if len(pairs) > 1 else "linear")
    y = plots.Axis("share of unseen samples", low=_LOWEST - 0.02, high=1.03)
    return plots.Panel(x, y, tuple(marks), legend=plots.Legend(columns=2))
