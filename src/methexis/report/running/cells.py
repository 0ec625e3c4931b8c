"""The report of a run with cells: every cell in one table, and a picture of one or two dimensions.

The full report of one cell is that of ``run.cell(...)``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from methexis.core.checks import Array
from methexis.plots import style
from methexis.plots.curve import Curve, Dots
from methexis.plots.mark import Look, Mark
from methexis.plots.panel import Axis, Panel, Picture, Plot
from methexis.report.house.page import Page
from methexis.report.running import gather, layers
from methexis.training.records.run import Run


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell at the end of its run, over its healthy replicas."""

    labels: list[str]  # its place along every dimension
    #: How many of how many are in the other numbers.
    healthy: int
    replicas: int
    #: (healthy,): alignment of the least aligned pair of layers, raw and projected; the latter of
    #: those of which it was measured.
    worst: Array
    projected: Array
    #: Medians of the loss and of ``S / S_min``; NaN if not measured.
    loss: list[float]
    ratio: list[float]

    @property
    def median(self) -> float:
        """Median of the worst pair."""
        return _median(self.worst)

    @property
    def median_projected(self) -> float:
        """Median of the projected worst pair."""
        return _median(self.projected)

    @property
    def least(self) -> float:
        """Least of the worst pair."""
        return float(self.worst.min()) if len(self.worst) else float("nan")


def cells_of(run: Run) -> list[Cell]:
    """All cells, the last dimension running fastest."""
    names = [_names(run, dim) for dim in run.cells]
    healthy, measured = run.healthy, gather.measured(run, "alignment_projected")
    worst, projected = (run.worst_pair(projected=flag)[-1] for flag in (False, True))
    loss, ratio = (np.asarray(run.data[name])[-1] for name in ("loss", "entropy_ratio"))
    result = []
    for place in np.ndindex(*run.cells.values()):
        good = healthy[place]
        result.append(
            Cell(
                labels=[name[i] for name, i in zip(names, place, strict=True)],
                healthy=int(good.sum()),
                replicas=len(good),
                worst=worst[place][good],
                projected=projected[place][measured[place]],
                loss=[_median(loss[place][good, k]) for k in range(run.num_students)],
                ratio=[_median(ratio[place][good, k]) for k in range(run.num_students)],
            )
        )
    return result


def write_cells(page: Page, run: Run) -> Path:
    """Write the page of a run with cells."""
    cells = cells_of(run)
    dims = list(run.cells)
    page.draw(figures(run))
    record = run.provenance
    return page.write(
        "cells.html.j2",
        dims=dims,
        sizes=list(run.cells.values()),
        cells=cells,
        pairs=run.tree.sizes["layer"] > 1,
        students=gather.shapes(run),
        record=record,
        lost=sum(cell.replicas - cell.healthy for cell in cells),
        networks=sum(cell.replicas for cell in cells),
        provenance=gather.provenance_rows(record),
        raw=json.dumps(record, indent=1),
    )


def figures(run: Run) -> list[Picture]:
    """The picture of one or two dimensions, for a wide and a narrow page.

    There is none where there are more dimensions, or no pairs of layers.
    """
    dims = list(run.cells)
    if run.tree.sizes["layer"] < 2 or len(dims) > 2:
        return []
    cells = cells_of(run)
    what = "Alignment of the least aligned pair of layers at the end, in every cell"
    if len(dims) == 1:
        wide: Plot = _line(cells, dims[0], style.WIDE)
        narrow: Plot = _line(cells, dims[0], style.PANEL)
    else:
        values = np.array([cell.median for cell in cells]).reshape(tuple(run.cells.values()))
        names = [_names(run, dim) for dim in dims]
        wide = layers.phase(values, names, dims)
        narrow = layers.phase(values, names, dims, width=style.PANEL, height=500)
    return [Picture("worst_pair", wide, what), Picture("worst_pair_narrow", narrow, what)]


def _line(cells: Sequence[Cell], dim: str, width: int) -> Panel:
    """Worst pair over the cells of one dimension: replicas as dots, their median as a line."""
    one = Look(style.SGD, size=14, alpha=0.45, width=0)
    marks: list[Mark] = [Dots([i] * len(c.worst), c.worst, one) for i, c in enumerate(cells)]
    marks.append(Dots([], [], replace(one, width=None), "one replica"))
    medians = [cell.median for cell in cells]
    marks.append(Curve(range(len(cells)), medians, Look(style.SGD, width=2.0), "median"))
    every = max(1, len(cells) // 12)
    names = tuple(cell.labels[0] for cell in cells[::every])
    x = Axis(
        dim,
        low=-0.5,
        high=len(cells) - 0.5,
        ticks=tuple(range(0, len(cells), every)),
        names=names,
        turned=layers.turned(names, width),
    )
    y = Axis("alignment of the worst pair", low=0.0, high=1.03)
    return Panel(x, y, tuple(marks), width=width, height=430)


def _names(run: Run, dim: str) -> list[str]:
    """Coordinates along a dimension as text; positions where there are none."""
    if dim not in run.tree.coords:
        return [str(i) for i in range(run.cells[dim])]
    values = np.asarray(run.tree[dim])
    return [style.plain(float(v)) if values.dtype.kind == "f" else str(v) for v in values]


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")
