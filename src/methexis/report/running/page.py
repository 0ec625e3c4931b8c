"""`write_run`: the report of any run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from methexis.plots.replicas import middle
from methexis.report.house.page import Page
from methexis.report.running import gather
from methexis.report.running.cells import write_cells
from methexis.report.running.figures import figures
from methexis.report.running.theory import theory_of
from methexis.training.records.run import Run


def write_run(run: Run, path: str | Path) -> Path:
    """Write the report of a run, with what theory predicts for it.

    Of a run with cells it is a table of all cells; ``run.cell(...)`` has a report of its own.

    Raises
    ------
    MethexisError
        If the report cannot be written.
    """
    page = Page.at(path)
    if run.cells:
        return write_cells(page, run)
    healthy = int(run.healthy.sum())
    pairs = run.tree.sizes["layer"] > 1
    ends = None
    theory = theory_of(run)
    page.draw(figures(run, theory))
    if healthy and pairs:
        ends = {
            "start": float(np.median(gather.worst_pair(run)[0])),
            "raw": float(np.median(gather.worst_pair(run)[-1])),
            "least": float(gather.worst_pair(run)[-1].min()),
            "projected": float(middle(gather.worst_pair(run, projected=True)[-1])),
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
        theory=theory,
        record=record,
        slow=bool(run.data["slow_time"].values[-1] > 0),
        provenance=gather.provenance_rows(record),
        raw=json.dumps(record, indent=1),
    )
