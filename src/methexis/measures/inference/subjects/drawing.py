"""Drawing of models against subjects: means with intervals, subjects as points, the ceiling."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from methexis import plots
from methexis.core.checks import Array
from methexis.measures.inference.drawing import trimmed

#: Most names of models that stand level below the axis, and how wide their points spread.
_MOST_LEVEL, _SPREAD = 6, 0.3
#: Least height of the band of a ceiling, as a share of what is drawn, so that it is seen.
_LEAST_BAND = 0.008


@dataclass(frozen=True, eq=False)
class Models:
    """What is drawn of models beside subjects."""

    names: tuple[str, ...]
    scores: Array  # (num_models, num_subjects)
    intervals: Array  # (num_models, 2)
    ceiling: tuple[float, float]
    label: str  # of the axis of scores


def panel(models: Models) -> plots.Panel:
    """A column per model: its subjects, its mean with the interval; behind all the ceiling."""
    count, num_subjects = models.scores.shape
    places = np.arange(count, dtype=np.float64)
    spread = np.linspace(-_SPREAD, _SPREAD, num_subjects)
    means = models.scores.mean(axis=1)
    low, high = models.ceiling
    drawn = np.concatenate([models.scores.ravel(), models.intervals.ravel(), [low, high, 0.0]])
    least = _LEAST_BAND * float(np.ptp(drawn))
    band = plots.Span(low, max(high, low + least), plots.Look(plots.style.CONTROL, alpha=0.35))
    marks: list[plots.Mark] = [band, plots.Level(0.0, plots.Look(plots.style.FAINT, width=1.0))]
    grey = plots.Look(plots.style.CONTROL, marker="o", size=3.5, joined=False)
    for place, scores in zip(places, models.scores, strict=True):
        marks.append(plots.Curve(place + spread, scores, grey, "subjects" if place == 0.0 else ""))
    blue = plots.Look(plots.style.SGD, marker="o", size=7, width=2.0)
    begins, ends = models.intervals.T
    stroke = plots.Look(blue.colour, width=2.0)
    marks.append(plots.Rungs(places, begins, ends, stroke, upright=True))
    marks.append(plots.Curve(places, means, replace(blue, joined=False)))
    marks.append(plots.Curve([], [], blue, "mean with interval"))
    wide = plots.Look(plots.style.CONTROL, alpha=0.35, width=8.0)
    marks.append(plots.Curve([], [], wide, "noise ceiling"))
    x = plots.Axis(
        f"model ({num_subjects} subjects)", low=-0.5, high=count - 0.5,
        ticks=tuple(places.tolist()), names=tuple(trimmed(name) for name in models.names),
        grid=False, turned=30 if count > _MOST_LEVEL else 0,
    )  # fmt: skip
    return plots.Panel(x, plots.Axis(models.label), tuple(marks))
