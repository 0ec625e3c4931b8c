"""Turning records into a labelled `Run`."""

from __future__ import annotations

import json
import os
import platform
from typing import Any

import numpy as np
import xarray as xr

from methexis.core.checks import Array
from methexis.training.plan import Plan
from methexis.training.recording import Recorder, Records
from methexis.training.run import FORMAT_VERSION, Run
from methexis.training.state import State
from methexis.version import __version__

_LONG_NAMES = {
    "loss": "loss L = E||f - y||²",
    "entropy": "entropy S = E||∇ℓ||²",
    "entropy_projected": "entropy S, projected onto the minima",
    "entropy_ratio": "S / S_min",
    "entropy_ratio_projected": "S / S_min, projected onto the minima",
    "hessian_trace": "trace of the Hessian of L",
    "sharpness": "largest eigenvalue of the Hessian of L",
    "theory_alignment": "cosine with the universal kernel",
    "theory_alignment_projected": "cosine with the universal kernel, projected",
    "imbalance": "relative gradient imbalance of the interface",
    "entropic_gap": "entropic gap of the interface",
    "alignment": "cosine of the Gram matrices",
    "alignment_projected": "cosine of the Gram matrices, projected",
}


def build_run(
    plan: Plan, recorder: Recorder, records: Records, state: State, wall_time: float
) -> Run:
    """Label ``records`` and attach provenance."""
    labels = plan.layers
    coords: dict[str, Any] = {
        "step": plan.record,
        "replica": list(plan.replicas),
        "student": np.arange(len(plan.students)),
        "layer": labels,
        "layer_a": labels,
        "layer_b": labels,
    }
    variables: dict[str, Any] = {}
    for name, value in records.student.items():
        variables[name] = (("step", "replica", "student"), value)
    for name, value in records.layer.items():
        variables[name] = (("step", "replica", "layer"), value)
    pair = ("step", "replica", "layer_a", "layer_b")
    variables["alignment"] = (pair, records.alignment)
    variables["alignment_projected"] = (pair, records.alignment_projected)
    optimiser = plan.optimiser
    variables["slow_time"] = ("step", _slow_time(plan))
    rates = [float(optimiser.rates(int(s), 1, plan.steps)[0]) for s in plan.record]
    variables["learning_rate"] = ("step", rates)
    variables["diverged_step"] = ("replica", state.diverged_step)
    variables["collapsed_step"] = ("replica", state.collapsed_step)
    variables["condition"] = ("student", recorder.conditions)
    data = xr.Dataset(variables, coords=coords)
    for name, text in _LONG_NAMES.items():
        data[name].attrs["long_name"] = text
    data.attrs["format_version"] = FORMAT_VERSION
    data.attrs["provenance"] = json.dumps(_provenance(plan, wall_time))
    groups = {
        f"/student_{k}": _student(plan, recorder, records, k) for k in range(len(plan.students))
    }
    return Run(xr.DataTree.from_dict({"/": data, **groups}))


def _slow_time(plan: Plan) -> Array:
    """Slow time of the recorded steps; it stands still where there are no samples, so no noise."""
    if plan.exact:
        return np.zeros(len(plan.record))
    return plan.optimiser.slow_time(plan.record, plan.steps, plan.batch)


def _student(plan: Plan, recorder: Recorder, records: Records, k: int) -> xr.Dataset:
    problem, solution = plan.problems[k], recorder.solutions[k]
    variables: dict[str, Any] = {}

    def add(name: str, values: list[Array], dims: tuple[str, ...]) -> None:
        for i, value in enumerate(values, start=1):
            own = tuple(f"{d}_{i}" for d in dims)
            variables[f"{name}_{i}"] = (("step", "replica", *own), value)

    for i, value in enumerate(records.weights[k], start=1):
        dims = ("step", "replica", f"unit_{i}", f"unit_{i - 1}")
        variables[f"weights_{i}"] = (dims, value)
    charge_values = recorder.charges(records, k)
    for i, value in enumerate(charge_values, start=1):
        variables[f"charges_{i}"] = (("step", "replica", f"unit_{i}", f"unit_{i}_b"), value)
    add("spectrum", recorder.spectra(records, k), ("mode",))
    variables["embed_in"] = (("unit_0", "input"), problem.embed_in)
    variables["embed_out"] = (("output", f"unit_{problem.depth}"), problem.embed_out)
    attrs: dict[str, Any] = {"depth": problem.depth, "dims": list(problem.dims)}
    if solution is not None:
        variables["predicted_spectrum"] = (
            ("hidden_layer", "predicted_mode"),
            solution.layer_scales[:, None] * solution.singular_values,
        )
        variables["universal_kernel"] = (("input", "input_b"), solution.kernel)
        attrs |= {
            "predicted_entropy": solution.entropy,
            "predicted_layer_entropy": float(solution.layer_entropy[0]),
            "predicted_sharpness": solution.sharpness,
            "predicted_hessian_trace": solution.hessian_trace,
        }
    return xr.Dataset(variables, attrs=attrs)


def _provenance(plan: Plan, wall_time: float) -> dict[str, Any]:
    return plan.describe() | {
        "fingerprint": plan.fingerprint(),
        "methexis": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "wall_time_s": round(wall_time, 3),
    }
