"""`write_report`: the report of any run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from methexis.core.checks import MethexisError
from methexis.plots.replicas import middle
from methexis.report.house.page import Page
from methexis.report.running import gather
from methexis.report.running.cells import write_cells
from methexis.report.running.figures import figures
from methexis.report.running.theory import theory_of
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
