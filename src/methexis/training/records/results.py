"""Turning records into a labelled `Run`."""

from __future__ import annotations

import itertools
import json
import os
import platform
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.layers.charges import conserved_part
from methexis.theory.platonic import PlatonicSolution
from methexis.training.engines.state import State
from methexis.training.measuring import COSTLY
from methexis.training.plan import Plan
from methexis.training.records.afterwards import stored_parts
from methexis.training.records.charge_path import charges_unread
from methexis.training.records.origin import SOURCE, source_group, student_parts
from methexis.training.records.reading import FORMAT_VERSION
from methexis.training.records.recording import Recorder, Records
from methexis.training.records.run import Run
from methexis.training.records.storage import MEASURED_NETWORKS, MEASURED_STEPS
from methexis.version import __version__

_LONG_NAMES = {
    "accuracy": "share of samples of which the likeliest class is right",
    "loss": "mean loss L",
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
    plan: Plan,
    recorder: Recorder,
    records: Records,
    state: State,
    wall_time: float,
    makers: list[dict[str, str]],
) -> Run:
    """Label ``records`` and attach provenance; ``makers`` as in a checkpoint."""
    labels = plan.layers
    coords: dict[str, Any] = {
        "step": plan.record,
        **plan.cells.coords,
        "replica": list(plan.replicas),
        "student": np.arange(len(plan.students)),
        "layer": labels,
        "layer_a": labels,
        "layer_b": labels,
    }
    network = (*plan.cells.dims, "replica")
    variables: dict[str, Any] = {}

    def add(name: str, value: NDArray[Any], *own: str) -> None:
        variables[name] = (("step", *network, *own), plan.unfold(value, 1))

    for name, value in records.student.items():
        add(name, value, "student")
    for name, value in records.layer.items():
        add(name, value, "layer")
    add("alignment", records.alignment, "layer_a", "layer_b")
    add("alignment_projected", records.alignment_projected, "layer_a", "layer_b")
    variables["slow_time"] = _slow_time(plan)
    variables["learning_rate"] = _learning_rate(plan)
    variables["diverged_step"] = (network, plan.unfold(state.diverged_step))
    variables["collapsed_step"] = (network, plan.unfold(state.collapsed_step))
    variables["condition"] = ("student", recorder.conditions)
    data = xr.Dataset(variables, coords=coords)
    for name, text in _LONG_NAMES.items():
        if name in data:
            data[name].attrs["long_name"] = text
    for name in (name for names in COSTLY.values() for name in names if name in data):
        data[name].attrs |= _measured(plan, name)
    if plan.optimiser.slow_time_unknown and not plan.exact:
        data["slow_time"].attrs["unknown_because"] = plan.optimiser.slow_time_unknown
    data.attrs["format_version"] = FORMAT_VERSION
    data.attrs["provenance"] = json.dumps(_provenance(plan, wall_time, makers))
    groups = {
        f"/student_{k}": _student(plan, recorder, records, k) for k in range(len(plan.students))
    }
    origin = {f"/{SOURCE}": source_group(plan.source)}
    return Run(xr.DataTree.from_dict({"/": data, **groups, **origin}))


def _measured(plan: Plan, name: str) -> dict[str, Any]:
    """Attributes of a costly quantity: of which networks and at which steps it was measured."""
    measuring = plan.measuring
    if not any(name in COSTLY[quantity] for quantity in measuring.quantities):
        return {"measured": "not"}
    if measuring.everywhere:
        return {"measured": measuring.sentence()}
    return {
        "measured": measuring.sentence(),
        MEASURED_STEPS: plan.record[measuring.records].tolist(),
        MEASURED_NETWORKS: measuring.networks.tolist(),
    }


def _along(plan: Plan, *names: str) -> tuple[tuple[Hashable, ...], dict[str, Array]]:
    """Dimensions that some hyper-parameters have, and their values along these."""
    own = [plan.cells.parameters[name] for name in names if name in plan.cells.parameters]
    dims = tuple(dim for dim in plan.cells.dims if any(dim in value.dims for value in own))
    first = tuple(slice(None) if dim in dims else 0 for dim in (*plan.cells.dims, "replica"))
    values = plan.hyper | {"label_noise": plan.label_noise}
    return dims, {name: plan.unfold(values[name])[first] for name in names}


def _slow_time(plan: Plan) -> tuple[tuple[Hashable, ...], Array]:
    """Slow time of the recorded steps; it stands still where there is no noise."""
    names = ("lr", "momentum", *(["label_noise"] if plan.sampling == "full" else []))
    dims, hyper = _along(plan, *names)
    unit = plan.optimiser.slow_factor(hyper, plan.batch)
    if plan.sampling == "full":
        unit = np.where(hyper["label_noise"] == 0.0, 0.0, unit)
    sums = plan.optimiser.schedule.sums_of_squares(plan.record, plan.steps)
    return ("step", *dims), np.asarray(np.multiply.outer(sums, unit))


def _learning_rate(plan: Plan) -> tuple[tuple[Hashable, ...], Array]:
    dims, hyper = _along(plan, "lr")
    schedule = plan.optimiser.schedule
    factors = [schedule.factors(int(s), 1, plan.steps)[0] for s in plan.record]
    return ("step", *dims), np.asarray(np.multiply.outer(np.array(factors), hyper["lr"]))


def _student(plan: Plan, recorder: Recorder, records: Records, k: int) -> xr.Dataset:
    problem = plan.problems[k]
    variables: dict[str, Any] = {}

    def add(name: str, values: Sequence[Any], rows: str, columns: str | None = None) -> None:
        for i, value in enumerate(values, start=1):
            own = [d.format(i=i, before=i - 1) for d in (rows, columns) if d is not None]
            variables[f"{name}_{i}"] = (("step", *plan.cells.dims, "replica", *own), value)

    def unfolded(values: list[Array]) -> list[Array]:
        return [plan.unfold(value, 1) for value in values]

    kept = unfolded(records.weights[k])
    weights, biases = split_biases(kept, bias=problem.bias)
    charges = [charges_unread(*pair, bias=problem.bias) for pair in itertools.pairwise(kept)]
    add("weights", weights, "unit_{i}", "unit_{before}")
    add("biases", biases, "unit_{i}")
    add("charges", charges, "unit_{i}", "unit_{i}_b")
    add("spectrum", unfolded(records.spectra[k]), "mode_{i}")
    variables["embed_in"] = (("unit_0", "input"), problem.embed_in)
    variables["embed_out"] = (("output", f"unit_{problem.depth}"), problem.embed_out)
    given, kind = student_parts(plan.students[k])
    variables |= stored_parts(problem) | given
    attrs: dict[str, Any] = {
        "depth": problem.depth,
        "dims": list(problem.dims),
        "num_shared": plan.source.dim_x,
        "activation": problem.activation,
        "bias": int(problem.bias),
        "charge_law": conserved_part(problem.activation) or "none",
    } | kind
    predicted = _predicted(plan, recorder, k)
    variables |= {name: value for name, value in predicted.items() if value[0]}
    attrs |= {name: float(value[1]) for name, value in predicted.items() if not value[0]}
    return xr.Dataset(variables, attrs=attrs)


def _predicted(
    plan: Plan, recorder: Recorder, k: int
) -> dict[str, tuple[tuple[Hashable, ...], Array]]:
    """Closed forms of one student under their names, along the dimensions of label noise.

    Nothing where no level of label noise has any, NaN at those that have none.
    """
    solutions = [level.students[k].solution for level in recorder.levels]
    forms = [_closed_forms(solution) for solution in solutions if solution is not None]
    if not forms:
        return {}
    remaining = iter(forms)
    rows = [None if solution is None else next(remaining) for solution in solutions]
    dims, noise = _along(plan, "label_noise")
    levels = np.array([plan.label_noise[level.networks[0]] for level in recorder.levels])
    at = np.searchsorted(levels, noise["label_noise"])
    result = {}
    for name, (own, value) in forms[0].items():
        stacked = [np.full_like(value, np.nan) if row is None else row[name][1] for row in rows]
        result[name] = ((*dims, *own), np.stack(stacked)[at])
    return result


def _closed_forms(solution: PlatonicSolution) -> dict[str, tuple[tuple[str, ...], Array]]:
    spectrum = solution.layer_scales[:, None] * solution.singular_values
    return {
        "predicted_spectrum": (("hidden_layer", "predicted_mode"), spectrum),
        "universal_kernel": (("input", "input_b"), solution.kernel),
        "predicted_entropy": ((), np.array(solution.entropy)),
        "predicted_layer_entropy": ((), np.array(solution.layer_entropy[0])),
        "predicted_sharpness": ((), np.array(solution.sharpness)),
        "predicted_hessian_trace": ((), np.array(solution.hessian_trace)),
    }


def split_biases(weights: list[Array], *, bias: bool) -> tuple[list[Array], list[Array]]:
    """Matrices and biases, the last column of the weights; no biases if there are none."""
    if not bias:
        return weights, []
    return [w[..., :-1] for w in weights], [w[..., -1] for w in weights]


def _provenance(plan: Plan, wall_time: float, makers: list[dict[str, str]]) -> dict[str, Any]:
    *before, last = makers
    return plan.describe() | {
        "engine": last["engine"],
        "made_with": last,
        **({"made_before_with": before} if before else {}),
        "fingerprint": plan.fingerprint(),
        "methexis": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "wall_time_s": round(wall_time, 3),
    }
