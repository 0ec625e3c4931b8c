"""The report of a run with cells: every cell in one table, and a picture of one or two dimensions.

The full report of one cell is that of ``run.cell(...)``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from methexis.core.checks import Array
from methexis.plots import style
from methexis.report.house.page import Page
from methexis.report.running import gather, layers
from methexis.training.records.run import Run


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell at the end of its run, over its healthy replicas.

    Attributes
    ----------
    labels : list of str
        Its place along every dimension.
    healthy, replicas : int
        How many of how many are in the other numbers.
    worst, projected : array (healthy,)
        Alignment of the least aligned pair of layers, raw and projected.
    loss, ratio : list (student) of float
        Medians of the loss and of ``S / S_min``; NaN if not measured.
    """

    labels: list[str]
    healthy: int
    replicas: int
    worst: Array
    projected: Array
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
    healthy = run.healthy
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
                projected=projected[place][good],
                loss=[_median(loss[place][good, k]) for k in range(run.num_students)],
                ratio=[_median(ratio[place][good, k]) for k in range(run.num_students)],
            )
        )
    return result


def write_cells(page: Page, run: Run) -> Path:
    """Write the page of a run with cells."""
    found = cells_of(run)
    dims = list(run.cells)
    pairs = run.tree.sizes["layer"] > 1
    if pairs and len(dims) <= 2:
        _picture(page, run, found)
    record = run.provenance
    return page.write(
        "cells.html.j2",
        dims=dims,
        sizes=list(run.cells.values()),
        cells=found,
        pairs=pairs,
        students=gather.shapes(run),
        record=record,
        lost=sum(cell.replicas - cell.healthy for cell in found),
        networks=sum(cell.replicas for cell in found),
        provenance=gather.provenance_rows(record),
        raw=json.dumps(record, indent=1),
    )


def _picture(page: Page, run: Run, found: Sequence[Cell]) -> None:
    dims = list(run.cells)
    what = "Alignment of the least aligned pair of layers at the end, in every cell"
    if len(dims) == 1:
        page.add("worst_pair", _line(found, dims[0]), what)
        return
    shape = tuple(run.cells.values())
    values = np.array([cell.median for cell in found]).reshape(shape)
    names = [_names(run, dim) for dim in dims]
    page.add("worst_pair", layers.phase(values, names, dims), what)


def _line(found: Sequence[Cell], dim: str) -> Figure:
    """Worst pair over the cells of one dimension: replicas as dots, their median as a line."""
    figure, axes = style.new_figure(style.WIDE, 430)
    at = np.arange(len(found))
    for i, cell in enumerate(found):
        axes.scatter([i] * len(cell.worst), cell.worst, s=14, color=style.SGD, alpha=0.45, lw=0)
    axes.scatter([], [], s=14, color=style.SGD, alpha=0.45, label="one replica")
    axes.plot(at, [cell.median for cell in found], color=style.SGD, lw=2.0, label="median")
    every = max(1, len(found) // 12)
    axes.set_xticks(at[::every], [cell.labels[0] for cell in found[::every]])
    axes.set_xlim(-0.5, len(found) - 0.5)
    axes.set_ylim(0.0, 1.03)
    axes.set_xlabel(dim)
    axes.set_ylabel("alignment of the worst pair")
    style.legend(figure, axes)
    return figure


def _names(run: Run, dim: str) -> list[str]:
    """Coordinates along a dimension as text; positions where there are none."""
    if dim not in run.tree.coords:
        return [str(i) for i in range(run.cells[dim])]
    values = np.asarray(run.tree[dim])
    return [style.plain(float(v)) if values.dtype.kind == "f" else str(v) for v in values]


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")
