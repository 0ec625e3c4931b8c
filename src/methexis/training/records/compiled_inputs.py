"""What is measured on reference inputs, by compiled kernels (``native/on_inputs.hpp``).

A thousand inputs through a network of some thousand weights, and the second moments of all that its
layers give, are more work than hundreds of steps. NumPy makes arrays of every activation of every
network and hands them through memory several times. The kernels take some inputs of one network at
a time and never leave the cache; of the moments, which are symmetric, they compute half. Networks
that are too wide for that are left to `training.records.reference_inputs`, which is also what the
kernels are tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.training import extension
from methexis.training.engines.native import ACTIVATIONS, MAX_DEPTH
from methexis.training.plan import Plan
from methexis.training.records.measured import Measured
from methexis.training.records.reference_inputs import OnInputs, ReferenceInputs

#: Most hidden units of all students that are worth it: the moments of more leave the cache.
MOST_HIDDEN = 512
#: Widest layer, that of the inputs among them.
WIDEST = 4096


def inputs_refusal(plan: Plan) -> str:
    """Why the kernels measure no student of a plan on reference inputs; empty if they may."""
    if not extension.BUILT:
        return extension.MISSING
    problems = plan.problems
    if sum(sum(p.dims[1:-1]) for p in problems) > MOST_HIDDEN:
        return "moments of wide layers are as fast by NumPy"
    if any(max(p.dims) > WIDEST or p.depth > MAX_DEPTH for p in problems):
        return "layers are wider, or more, than the kernels are made for"
    return ""


def measure_inputs_compiled(
    plan: Plan,
    references: ReferenceInputs,
    students: Sequence[Measured],
    weights: Sequence[Sequence[NDArray[Any]]],
    networks: NDArray[np.intp],
    *,
    instruction_set: str = "",
) -> OnInputs:
    """Measure some networks of one level of label noise.

    Parameters
    ----------
    plan, references, students :
        A plan that `inputs_refusal` has nothing against, its reference inputs and all its students
        at that level.
    weights : list (student) of list (layer) of arrays (network, d_i, d_{i-1} + bias)
        Of all networks, in the precision of the run.
    networks : integer array
        Which of them.

    Returns
    -------
    OnInputs
        With losses of those students alone that have none in closed form, and spectra of those that
        are nonlinear.
    """
    count = len(networks)
    layers = sum(p.depth - 1 for p in references.problems)
    alignments = np.empty((count, layers, layers))
    given = [
        _student(references, k, measured, weights[k], count) for k, measured in enumerate(students)
    ]
    extension.measure_on_inputs(
        given,
        references.inputs[0].shape[-1],
        len(weights[0][0]),
        np.ascontiguousarray(networks, dtype=np.int64),
        alignments,
        plan.dtype == "float32",
        plan.threads,
        instruction_set,
    )
    losses = [
        {name: one[name] for name in ("loss", "accuracy") if one[name] is not None} for one in given
    ]
    return OnInputs(alignments, losses, [one["spectra"] or [] for one in given])


def _student(
    references: ReferenceInputs,
    k: int,
    measured: Measured,
    weights: Sequence[NDArray[Any]],
    count: int,
) -> dict[str, Any]:
    """One student, as native/module_on_inputs.cpp reads it, with arrays for what is measured."""
    problem = references.problems[k]
    classes = problem.loss == "cross_entropy"
    own_loss = not measured.in_theory
    return references.fixed(k) | {
        "dims": list(problem.dims),
        "bias": int(problem.bias),
        "activation": ACTIVATIONS.index(problem.activation),
        "num_labels": len(references.labels[k]),
        "noise": references.noise[k],
        "weights": list(weights),
        "loss": np.empty(count) if own_loss else None,
        "accuracy": np.empty(count) if own_loss and classes else None,
        "spectra": None
        if problem.linear
        else [np.empty((count, width)) for width in problem.dims[1:-1]],
    }
