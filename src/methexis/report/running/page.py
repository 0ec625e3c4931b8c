"""`write_report`: the report of any run, and the figures that it shares with `verify`'s."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from methexis.core.checks import Array, MethexisError
from methexis.plots import style
from methexis.report.house.page import Page
from methexis.report.running import curves, gather, layers
from methexis.report.running.cells import write_cells
from methexis.training.records.run import Run


def write_report(run: Run, path: str | Path) -> Path:
    """Write a report of a run: one HTML file with its figures, and every figure as PDF.

    Of a run with cells it is a table of all cells; ``run.cell(...)`` has a report of its own.

    Parameters
    ----------
    run : Run
        Result of `train`, or of `open_run`.
    path : path
        An HTML file, whose PDFs go to the folder ``<name>-figures`` beside it; or a folder, which
        receives ``report.html`` and ``figures/``.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    MethexisError
        If ``run`` is no run, or the report cannot be written.
    """
    if not isinstance(run, Run):
        raise MethexisError(f"run: expected a Run, got {type(run).__name__}")
    target = Path(path)
    if target.suffix.lower() in (".html", ".htm"):
        page = Page(target, target.with_name(f"{target.stem}-figures"))
    else:
        page = Page(target / "report.html", target / "figures")
    if run.cells:
        with style.house_style():
            return write_cells(page, run)
    healthy = int(run.healthy.sum())
    pairs = run.tree.sizes["layer"] > 1
    ends = None
    with style.house_style():
        if healthy:
            add_paths(page, run)
            add_layers(page, run)
            if pairs:
                add_pairs(page, run, headline=True)
                ends = {
                    "start": float(np.median(gather.worst_pair(run)[0])),
                    "raw": float(np.median(gather.worst_pair(run)[-1])),
                    "least": float(gather.worst_pair(run)[-1].min()),
                    "projected": float(np.median(gather.worst_pair(run, projected=True)[-1])),
                }
    record = run.provenance
    return page.write(
        "run.html.j2",
        students=gather.shapes(run),
        names=gather.layer_names(run),
        labels=[str(v) for v in run.data["layer"].values],
        lost=gather.lost_of(run),
        healthy=healthy,
        replicas=len(run.healthy),
        ends=ends,
        record=record,
        slow=bool(run.data["slow_time"].values[-1] > 0),
        provenance=gather.provenance_rows(record),
        raw=json.dumps(record, indent=1),
    )


def add_pairs(
    page: Page,
    run: Run,
    *,
    headline: bool = False,
    predicted: Array | None = None,
    control: Array | None = None,
) -> None:
    """Alignment of the worst pair over time, and of all pairs before and after.

    Parameters
    ----------
    headline : bool
        Whether to draw the first of them in two layouts, for a wide and a narrow page.
    predicted, control : array (step, replica), optional
        Of the healthy replicas.
    """
    clock = gather.slow_clock(run)
    measured = gather.worst_pair(run)
    what = (
        "Alignment of the least aligned pair of layers over slow time, every replica thin and "
        "their median thick"
    )
    if headline:
        for name, width, height in (
            ("worst_pair", style.WIDE, 470),
            ("worst_pair_narrow", style.PANEL, 430),
        ):
            figure = curves.worst_pair(
                clock, measured, predicted=predicted, control=control, width=width, height=height
            )
            page.add(name, figure, what)
    figure = curves.distance_to_one(
        clock,
        measured,
        projected=gather.worst_pair(run, projected=True),
        predicted=predicted,
        control=control,
    )
    page.add("distance_to_one", figure, "One minus alignment of the worst pair on log axes")
    names = gather.layer_names(run)
    for name, at in (("matrix_before", 0), ("matrix_after", -1)):
        values = gather.pair_matrix(run, at)
        page.add(name, layers.matrix(values, names), f"Alignment of every pair of layers: {name}")


def add_paths(
    page: Page,
    run: Run,
    *,
    entropy: Array | None = None,
    sharpness: Array | None = None,
    trace: Array | None = None,
    floors: Sequence[float | None] | None = None,
    control: Run | None = None,
) -> None:
    """Loss, entropy, curvature and charges along the run.

    Parameters
    ----------
    entropy, sharpness, trace : array (step, replica, student), optional
        Predicted paths of the healthy replicas.
    floors : sequence of float, optional
        Least loss of each student.
    control : Run, optional
        The same without noise.
    """
    clock = gather.slow_clock(run)
    page.add(
        "loss",
        curves.loss(clock, gather.curves(run, "loss", levels=floors)),
        "Loss of every student over slow time",
    )
    ratios = gather.curves(
        run, "entropy_ratio", projected="entropy_ratio_projected", predicted=entropy
    )
    if ratios:
        page.add(
            "entropy_ratio",
            curves.entropy_ratio(clock, curves.with_level(ratios, 1.0)),
            "S over its least value along training, falling to the bound 1",
        )
    for name, draw, path in (
        ("sharpness", curves.sharpness, sharpness),
        ("hessian_trace", curves.hessian_trace, trace),
    ):
        levels = gather.predicted(run, f"predicted_{name}")
        found = gather.curves(run, name, predicted=path, levels=levels)
        if found:
            page.add(name, draw(clock, found), f"{name.replace('_', ' ')} over slow time")
    norms, changes, still, moved = [], [], [], []
    for k in range(run.num_students):
        size, change = gather.charge_paths(run, k)
        norms.append((gather.student_name(k), size))
        changes.append((gather.student_name(k), change))
        if control is not None:
            size, change = gather.charge_paths(control, k)
            still.append(size)
            moved.append(change)
    page.add(
        "charge_norms",
        curves.charge_norms(clock, norms, still),
        "Size of every charge: SGD moves it, the control does not",
    )
    page.add(
        "charge_changes",
        curves.charge_changes(clock, changes, moved),
        "Relative change of every charge since the start",
    )


def add_layers(page: Page, run: Run) -> None:
    """Spectra of every student's hidden layers at the end."""
    for k in range(run.num_students):
        name = gather.student_name(k)
        figure = layers.spectrum(gather.spectra(run, k), style.STUDENTS[k % len(style.STUDENTS)])
        page.add(f"spectrum_{name}", figure, f"Variance of every mode of student {name}'s layers")
