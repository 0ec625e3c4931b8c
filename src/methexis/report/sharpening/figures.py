"""Pictures of curvature along slow time: the prediction drawn through what was measured."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from methexis.plots import style
from methexis.plots.curve import Curve
from methexis.plots.interval import Interval
from methexis.plots.levels import Level
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Panel, Picture
from methexis.report.house.outcome import key
from methexis.scenarios.sharpening.case import ALIGNMENT, BATCH, TOP, TRACE
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult

LABELS = {
    TRACE: "trace of the Hessian",
    TOP: "largest Hessian eigenvalue",
    BATCH: "batch sharpness",
    ALIGNMENT: "alignment of the worst pair",
}


def figures(result: SharpenResult) -> Iterator[Picture]:
    """All pictures: one for each quantity of each case."""
    for one in result.results:
        for quantity in one.found.quantities:
            alt = f"{one.found.case.title}: {LABELS[quantity]} along slow time"
            yield Picture(f"{key(one)}_{quantity}", path_figure(one, quantity), alt)


def path_figure(one: CaseResult, quantity: str) -> Panel:
    """Replicas thin, limits as points with 95 % intervals, prediction dashed, control grey."""
    measured = one.found
    times = np.asarray(measured.case.slow_times)
    reading = measured.readings[-1]
    marks: list[Mark] = []
    for k in range(measured.num_students(quantity)):
        colour = style.STUDENTS[k]
        which = f", student {k + 1}" if measured.num_students(quantity) > 1 else ""
        if quantity in reading.replica_paths:
            paths = reading.replica_paths[quantity][:, :, k]
            marks.append(Curve(times, paths, Look(colour, width=0.6, alpha=0.18, order=1)))
        points = measured.of(quantity, k)
        marks.append(
            Interval(
                times,
                [p.measured for p in points],
                [p.half for p in points],
                Look(colour, width=1.4, marker="o", size=4.5, joined=False, order=3),
                f"SGD{which}",
            )
        )
        start = Look(colour, width=0.9, dashes=(1, 1.65), alpha=0.8)
        marks.append(Level(float(measured.start[quantity][k]), start))
        dashed = Look(style.PREDICTION, width=1.5, dashes=(4, 2.2), order=4)
        label = "predicted" if k == 0 else ""
        marks.append(Curve(measured.fine_times, measured.fine[quantity][:, k], dashed, label))
        if quantity in measured.control:
            look = Look(style.CONTROL, width=2.2, order=2)
            still = measured.control[quantity][:, 0, k]
            marks.append(Curve(times, still, look, "force off" if k == 0 else ""))
    low, high = float(measured.fine_times[0]), 1.15 * float(times[-1])
    x = Axis("slow time τ", "log", low, high)
    return Panel(x, Axis(LABELS[quantity]), tuple(marks), height=360)
