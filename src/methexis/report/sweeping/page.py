"""`write_sweep_report`: the phase diagram of a sweep, the state of its tasks, what it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from methexis.display import told
from methexis.report.house.page import Page
from methexis.report.sweeping.figures import SHOWN, edge_caption, figures
from methexis.sweeps import Sweep
from methexis.text import shown

#: Most lost tasks that stand in the page, and most axes' values.
_MOST_LOST, _MOST_VALUES = 40, 8


def write_sweep_report(sweep: Sweep, path: str | Path, over: Sequence[str] | None = None) -> Path:
    """Write the report of a sweep, finished or not.

    Parameters
    ----------
    sweep : Sweep
        What was measured.
    path : path
        An HTML file, or a folder, as of `write_report`.
    over : sequence of str, optional
        The one or two axes of the pictures; the first two with several values by default.

    Raises
    ------
    MethexisError
        If the report cannot be written, or ``over`` names no axes.
    """
    page = Page.at(path)
    pictures = list(figures(sweep, over)) if sweep.spec.axes else []
    page.draw(pictures)
    return page.write(
        "sweep.html.j2",
        name=shown(sweep.spec.name),
        sentence=sweep.sentence,
        pictures=[(one.name, SHOWN[one.name]) for one in pictures],
        edge=edge_caption(sweep, pictures) if pictures else "",
        axes=_axes(sweep),
        counts=sweep.counts,
        tasks=len(sweep.tasks),
        lost=[(number, shown(reason)) for number, reason in sweep.lost.items()][:_MOST_LOST],
        num_lost=len(sweep.lost),
        provenance=provenance(sweep),
        raw=json.dumps(sweep.spec.plain(), indent=1),
    )


def provenance(sweep: Sweep) -> list[tuple[str, str]]:
    """Where the numbers come from, a line for each fact."""
    training = sweep.spec.tables["training"]
    seconds = sum(state.seconds for state in sweep.states.values())
    rows: list[tuple[str, Any]] = [
        ("folder", sweep.path.name),
        ("specification", sweep.spec.digest()),
        ("design", sweep.spec.design.kind),
        ("steps", training["steps"]),
        ("replicas", training["replicas"]),
        ("seed", training["seed"]),
        ("seeds of cells", training["seeds"]),
        ("seconds of all workers", f"{seconds:.1f}"),
        ("workers lost", sum(state.interrupted for state in sweep.states.values())),
        *sweep.made_with.items(),
    ]
    return [(name, str(value)) for name, value in rows]


def _axes(sweep: Sweep) -> list[tuple[str, int, str]]:
    rows = []
    for axis in sweep.spec.axes:
        values = np.unique(np.asarray(sweep.data[axis.dim])).tolist()
        ends = values if len(values) <= _MOST_VALUES else [values[0], "…", values[-1]]
        rows.append((axis.parameter, len(values), ", ".join(told(one) for one in ends)))
    return rows
