"""`write_sharpen_report`: curvature along SGD, the prediction drawn through it; and in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from methexis.plots import style
from methexis.report.house import numbers, outcome
from methexis.report.house.page import Page
from methexis.scenarios.sharpening.curvature import ALIGNMENT, BATCH, TOP, TRACE
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult

LABELS = {
    TRACE: "trace of the Hessian",
    TOP: "largest Hessian eigenvalue",
    BATCH: "batch sharpness",
    ALIGNMENT: "alignment of the worst pair",
}
_TIME = "slow time τ"


def write_sharpen_report(result: SharpenResult, out_dir: str | Path) -> Path:
    """Write the report of `run_sharpen`: ``report.html``, and every figure as PDF in ``figures/``.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    out = Path(out_dir)
    page = Page(out / "report.html", out / "figures")
    with style.house_style():
        for one in result.results:
            key = _key(one)
            for quantity in one.found.quantities:
                alt = f"{one.found.case.title}: {LABELS[quantity]} along slow time"
                page.add(f"{key}_{quantity}", path_figure(one, quantity), alt)
    return page.write(
        "sharpen.html.j2",
        sections=[_section(one) for one in result.results],
        passed=result.passed,
        command=result.command,
        seconds=result.seconds,
        quick=any(one.found.quick for one in result.results),
        provenance=outcome.provenance(
            result.summary(), [(one.found.case.name, one.seed) for one in result.results]
        ),
    )


def path_figure(one: CaseResult, quantity: str) -> Figure:
    """Replicas thin, limits as points with 95 % intervals, prediction dashed, control grey."""
    found = one.found
    figure, axes = style.new_figure(height=360)
    times = np.asarray(found.case.slow_times)
    reading = found.readings[-1]
    for k in range(found.num_students(quantity)):
        colour = style.STUDENTS[k]
        which = f", student {k + 1}" if found.num_students(quantity) > 1 else ""
        if quantity in reading.replica_paths:
            paths = reading.replica_paths[quantity][:, :, k]
            axes.plot(times, paths, color=colour, lw=0.6, alpha=0.18, zorder=1)
        points = found.of(quantity, k)
        axes.errorbar(
            times,
            [p.measured for p in points],
            yerr=[p.half for p in points],
            color=colour,
            marker="o",
            ms=4.5,
            ls="none",
            lw=1.4,
            label=f"SGD{which}",
            zorder=3,
        )
        axes.axhline(float(found.start[quantity][k]), color=colour, lw=0.9, ls=":", alpha=0.8)
        dashed: dict[str, Any] = {
            "color": style.PREDICTION,
            "lw": 1.5,
            "ls": (0, (4, 2.2)),
            "zorder": 4,
        }
        label = "predicted" if k == 0 else None
        axes.plot(found.fine_times, found.fine[quantity][:, k], label=label, **dashed)
        if quantity in found.control:
            label = "force off" if k == 0 else None
            still = found.control[quantity][:, 0, k]
            axes.plot(times, still, color=style.CONTROL, lw=2.2, label=label, zorder=2)
    axes.set_xlim(float(found.fine_times[0]), 1.15 * float(times[-1]))
    style.log_axis(axes, "x")
    axes.set_xlabel(_TIME)
    axes.set_ylabel(LABELS[quantity])
    style.legend(figure, axes)
    return figure


def _key(one: CaseResult) -> str:
    return one.found.case.name.replace("-", "_")


def _section(one: CaseResult) -> dict[str, Any]:
    found, case = one.found, one.found.case
    return {
        "key": _key(one),
        "title": case.title,
        "claim": case.claim,
        "chosen": case.found,
        "note": case.note,
        "passed": one.passed,
        "checks": one.checks,
        "control": bool(found.control),
        "quantities": [(q, LABELS[q]) for q in found.quantities],
        "rows": [
            {
                "what": LABELS[q] + (f", {k + 1}" if found.num_students(q) > 1 else ""),
                "start": numbers.number(float(found.start[q][k]), 4),
                "predicted": numbers.number(end.predicted, 4),
                "measured": numbers.number(end.measured, 4),
                "half": numbers.number(end.half, 2),
                "deviation": outcome.deviation(end.deviation),
            }
            for q in found.quantities
            for k in range(found.num_students(q))
            for end in [found.of(q, k)[-1]]
        ],
        "runs": ", ".join(numbers.count(r.steps) for r in found.readings),
        "replicas": found.readings[0].replicas,
        "seconds": one.seconds,
    }
