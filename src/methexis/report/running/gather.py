"""What the figures of a report need, read from a `Run`: healthy replicas only, names, charges."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.report.running.curves import Clock, StudentPath
from methexis.training.records.run import Run
from methexis.training.records.storage import MEASURED_NETWORKS, MEASURED_STEPS


@dataclass(frozen=True)
class Lost:
    """A replica that left the run: never averaged in."""

    #: Its number, and the first step at which it was found lost.
    replica: int
    step: int
    how: str  # ``"diverged"`` or ``"collapsed"``


def lost_of(run: Run) -> list[Lost]:
    """List the replicas that diverged or collapsed, with the step at which they did."""
    data = run.data
    lost = []
    for i in np.flatnonzero(~run.healthy):
        for how in ("diverged", "collapsed"):
            step = int(data[f"{how}_step"][i])
            if step >= 0:
                lost.append(Lost(int(data["replica"][i]), step, how))
    return lost


def slow_clock(run: Run) -> Clock:
    """Slow time of the recorded steps; training steps where there is no noise, so no slow time."""
    times = np.asarray(run.data["slow_time"], dtype=np.float64)
    if times[-1] > 0:
        return Clock(times, "slow time τ = Σ η²/B")
    return Clock(np.asarray(run.data["step"], dtype=np.float64), "training step t")


def student_name(k: int) -> str:
    """Return the letter of student ``k``.

    Examples
    --------
    >>> student_name(0), student_name(1), student_name(26)
    ('A', 'B', 'S26')
    """
    return string.ascii_uppercase[k] if k < len(string.ascii_uppercase) else f"S{k}"


def layer_name(label: str) -> str:
    """Return the report's name of a layer of ``run.data``.

    Examples
    --------
    >>> layer_name("1/h3")
    'B3'
    """
    student, layer = label.split("/h")
    return f"{student_name(int(student))}{layer}"


def layer_names(run: Run) -> list[str]:
    """Names of all hidden layers, in the order of ``run.data``."""
    return [layer_name(str(label)) for label in run.data["layer"].values]


def measured(run: Run, name: str) -> NDArray[np.bool_]:
    """Healthy networks of which a quantity was measured, ``(*cells, replica)``.

    Costly quantities may have been measured of some networks only; all others are of all.
    """
    healthy = run.healthy
    networks = run.data[name].attrs.get(MEASURED_NETWORKS)
    if networks is None:
        return healthy
    chosen = np.zeros(healthy.size, dtype=np.bool_)
    chosen[np.asarray(networks, dtype=np.int64)] = True
    return np.asarray(healthy & chosen.reshape(healthy.shape))


def rows(run: Run, name: str) -> NDArray[np.bool_]:
    """At which recorded steps a quantity was measured, ``(step,)``."""
    steps = np.asarray(run.data["step"])
    return np.isin(steps, np.atleast_1d(run.data[name].attrs.get(MEASURED_STEPS, steps)))


def variable(run: Run, name: str) -> Array:
    """Return a variable ``(step, replica, …)`` of the healthy replicas that it was measured of."""
    return np.asarray(run.data[name], dtype=np.float64)[:, measured(run, name)]


def worst_pair(run: Run, *, projected: bool = False) -> Array:
    """Least alignment of two layers, ``(step, replica)``, of the healthy and measured replicas."""
    name = "alignment_projected" if projected else "alignment"
    return run.worst_pair(projected=projected)[:, measured(run, name)]


def pair_matrix(run: Run, at: int) -> Array:
    """Median over replicas of the alignment of every pair of layers at one recorded step."""
    return np.asarray(np.median(variable(run, "alignment")[at], axis=0))


def paths(
    run: Run,
    name: str,
    *,
    projected: str | None = None,
    predicted: Array | None = None,
    levels: Sequence[float | None] | None = None,
) -> list[StudentPath]:
    """One quantity ``(step, replica, student)`` as a path per student.

    Students of which nothing was measured (theory refuses them) are left out.
    """
    raw = variable(run, name)
    other = None if projected is None else variable(run, projected)
    return [
        StudentPath(
            name=student_name(k),
            raw=raw[..., k],
            projected=None if other is None else other[..., k],
            predicted=_drawn(predicted, k),
            level=None if levels is None else levels[k],
            rows=rows(run, name),
            projected_rows=None if projected is None else rows(run, projected),
        )
        for k in range(run.num_students)
        if np.isfinite(raw[..., k]).any()
    ]


def _drawn(predicted: Array | None, k: int) -> Array | None:
    """What is predicted of student ``k``; None where that is nothing."""
    if predicted is None or not np.isfinite(predicted[..., k]).any():
        return None
    return predicted[..., k]


def predicted(run: Run, name: str) -> list[float | None]:
    """Closed form of every student; None where a condition of the theorem fails."""
    values = [run.tree.children[f"student_{k}"].attrs.get(name) for k in range(run.num_students)]
    return [None if v is None else float(v) for v in values]


def charge_paths(run: Run, student: int) -> tuple[Array, Array]:
    """``‖C_i‖`` and ``‖C_i − C_i(0)‖ / ‖C_i(0)‖``, both ``(interface, step, replica)``."""
    group = run.tree.children[f"student_{student}"]
    norms, changes = [], []
    for i in range(1, int(group.attrs["depth"])):
        values = np.asarray(group[f"charges_{i}"], dtype=np.float64)[:, run.healthy]
        size = np.linalg.norm(values, axis=(-2, -1))
        moved = np.linalg.norm(values - values[:1], axis=(-2, -1))
        norms.append(size)
        with np.errstate(divide="ignore", invalid="ignore"):  # balanced starts have no charge
            changes.append(np.where(size[:1] > 0, moved / size[:1], np.nan))
    return np.stack(norms), np.stack(changes)


def spectra(run: Run, student: int) -> list[tuple[str, Array, Array | None]]:
    """Name, final eigenvalues ``(replica, mode)`` and closed form of every hidden layer."""
    group = run.tree.children[f"student_{student}"]
    theory = np.asarray(group["predicted_spectrum"]) if "predicted_spectrum" in group else None
    return [
        (
            f"{student_name(student)}{i}",
            np.asarray(group[f"spectrum_{i}"])[-1, run.healthy],
            None if theory is None else theory[i - 1],
        )
        for i in range(1, int(group.attrs["depth"]))
    ]


def shapes(run: Run) -> list[dict[str, Any]]:
    """Name, depth and widths of every student, and what theory says about it, if it refuses."""
    conditions = [str(c) for c in run.data["condition"].values]
    result = []
    for k in range(run.num_students):
        attrs = run.tree.children[f"student_{k}"].attrs
        dims = [int(d) for d in np.atleast_1d(attrs["dims"])]
        result.append(
            {
                "name": student_name(k),
                "depth": int(attrs["depth"]),
                "dims": dims,
                "hidden": dims[1:-1],
                "condition": conditions[k],
            }
        )
    return result


def provenance_rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten a run's provenance into rows of a table; nothing is left out.

    Examples
    --------
    >>> provenance_rows({"optimiser": {"lr": 0.1}, "seed": 0})
    [('optimiser, lr', '0.1'), ('seed', '0')]
    """
    rows: list[tuple[str, str]] = []
    for key, value in record.items():
        name = key.replace("_", " ")
        if isinstance(value, Mapping):
            rows += [(f"{name}, {inner}", text) for inner, text in provenance_rows(value)]
        elif key == "replicas" and isinstance(value, list) and len(value) > 1:
            consecutive = value == list(range(value[0], value[-1] + 1))
            text = f"{value[0]} … {value[-1]}" if consecutive else ", ".join(map(str, value))
            rows.append((name, text))
        else:
            rows.append((name, str(value)))
    return rows
