"""Where theory draws a boundary through a sweep: the edge of stability, in every cell.

A step of descent with the exact gradient overshoots along the sharpest direction where
``η λ > 2``, with heavy-ball momentum ``β`` where ``η λ > 2 (1 + β)``, and ``λ`` is the largest
eigenvalue of the Hessian at the minimum. Of linear students theory knows ``λ`` at the Platonic
minimum, where slow time leads; no other minimum on its orbit is known to be flatter or sharper than
what a run happens to find, and noise of batches moves the edge to smaller steps
(`theory.fixed_points.edge`). So the line is where the predicted end of training stops being stable,
and no bound on every run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from methexis.core.checks import Array
from methexis.sweeps.results.swept import Swept

#: What the line is called.
NAME = "predicted edge: η λ = 2 at the Platonic minimum"
WITH_MOMENTUM = "predicted edge: η λ = 2 (1 + β) at the Platonic minimum"


def no_edge(sweep: Swept) -> str:
    """Why theory draws no edge through a sweep; empty where it does."""
    names = set(_column(sweep, "optimiser.name"))
    if names != {"SGD"}:
        return f"theory knows the edge of SGD alone, and not of {', '.join(sorted(names))}"
    for parameter in ("optimiser.weight_decay", "optimiser.l2"):
        if any(value for value in _column(sweep, parameter) if value is not None):
            return "with weight decay the minima are others"
    if any(value for value in _column(sweep, "optimiser.nesterov") if value):
        return "theory knows no edge of Nesterov's momentum"
    if not bool(np.isfinite(np.asarray(sweep.data["predicted_sharpness"])).any()):
        return "theory predicts no sharpness of these students"
    return ""


def stability(sweep: Swept) -> xr.DataArray:
    """``η λ / (2 (1 + β))`` in every cell, of its sharpest student; above 1 is unstable."""
    data = sweep.data
    sharpness = data["predicted_sharpness"].max("student", skipna=False)
    rate, beta = (_numbers(sweep, f"optimiser.{name}") for name in ("lr", "momentum"))
    return xr.DataArray(np.asarray(sharpness) * rate / (2.0 * (1.0 + beta)), dims=sweep.cells.dims)


def name_of(sweep: Swept) -> str:
    """The name of the line, with momentum where a cell has any."""
    return WITH_MOMENTUM if _numbers(sweep, "optimiser.momentum").any() else NAME


def crossing(ratio: Array) -> tuple[Array, Array]:
    """Where a ratio passes 1 along the columns of a table, row by row: columns and rows.

    Between two cells it is interpolated in the logarithm, because learning rates mostly are spaced
    so; rows that it does not pass are left out.

    Examples
    --------
    >>> crossing(np.array([[0.1, 10.0], [0.5, 0.9]]))
    (array([0.5]), array([0.]))
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(ratio)
    columns, rows = [], []
    for row, line in enumerate(log):
        for k in np.flatnonzero(np.sign(line[:-1]) * np.sign(line[1:]) < 0)[:1]:
            columns.append(k + line[k] / (line[k] - line[k + 1]))
            rows.append(row)
    return np.array(columns, dtype=float), np.array(rows, dtype=float)


def _column(sweep: Swept, parameter: str) -> list[Any]:
    """Values of a parameter in all cells, or the one that all have."""
    if parameter in sweep.cells.columns:
        return sweep.cells.columns[parameter]
    table, name = parameter.split(".")
    return [sweep.spec.tables[table].get(name)]


def _numbers(sweep: Swept, parameter: str) -> Array:
    """Values of a parameter in all cells, in the shape of the cells; 0 where it is not given."""
    values = [0.0 if value is None else value for value in _column(sweep, parameter)]
    column = np.broadcast_to(np.array(values, dtype=float), (sweep.cells.count,))
    return np.asarray(column.reshape(sweep.cells.shape))
