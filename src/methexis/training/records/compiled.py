"""Cheap quantities of linear students by compiled kernels (``native/measure.hpp``).

Of small matrices NumPy's calls cost more than their work, and a recorded step of hundreds of
networks as much as thousands of steps. The kernels measure one network per lane of a vector. They
know teachers of any law in closed form; samples, nonlinear students and wide layers, of which the
matrices are large enough for NumPy, are left to `training.records.recording`, which is also what
they are tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.training import extension
from methexis.training.engines.native import MAX_DEPTH
from methexis.training.memory import num_modes
from methexis.training.plan import Plan
from methexis.training.records.measured import Measured

#: Widest matrix that is worth it: beyond, products of NumPy are as fast.
WIDEST = 32


@dataclass(frozen=True, eq=False)
class Cheap:
    """Cheap quantities of some networks.

    Attributes
    ----------
    alignments : array (network, layer, layer)
        Cosines of the Gram matrices of all pairs of hidden layers of these students.
    student, layer : lists (student) of dict of arrays (network,), (network, hidden layer)
        By the names of a run's variables.
    spectra : list (student) of list (hidden layer) of arrays (network, mode)
        Covariance eigenvalues, descending.
    """

    alignments: Array
    student: list[dict[str, Array]]
    layer: list[dict[str, Array]]
    spectra: list[list[Array]]


def refusal(plan: Plan) -> str:
    """Why the kernels measure no student of a plan; empty if they may."""
    if not extension.BUILT:
        return extension.MISSING
    if isinstance(plan.source, Samples):
        return "samples have moments of their own"
    return ""


def narrow(problem: Problem) -> bool:
    """Whether the kernels are made for matrices of this size."""
    sides = max(*problem.dims, *problem.target.shape)
    return sides <= WIDEST and problem.depth <= MAX_DEPTH


def measure_compiled(
    plan: Plan,
    students: Sequence[Measured],
    weights: Sequence[Sequence[NDArray[Any]]],
    networks: NDArray[np.intp],
    *,
    instruction_set: str = "",
) -> Cheap:
    """Measure some networks of one level of label noise.

    Parameters
    ----------
    plan, students :
        A plan that `refusal` has nothing against, and some of its linear students at that level.
    weights : list (student) of list (layer) of arrays (network, d_i, d_{i-1})
        Of all networks, in the precision of the run.
    networks : integer array
        Which of them.
    """
    count = len(networks)
    layers = sum(m.problem.depth - 1 for m in students)
    alignments = np.empty((count, layers, layers))
    given = [_student(m, w, count) for m, w in zip(students, weights, strict=True)]
    extension.measure(
        given,
        plan.source.dim_x,
        len(weights[0][0]),
        np.ascontiguousarray(networks, dtype=np.int64),
        alignments,
        plan.dtype == "float32",
        plan.threads,
        instruction_set,
    )
    named = [_named(m, one) for m, one in zip(students, given, strict=True)]
    return Cheap(
        alignments, [s for s, _ in named], [t for _, t in named], [one["spectra"] for one in given]
    )


def _student(measured: Measured, weights: Sequence[NDArray[Any]], count: int) -> dict[str, Any]:
    """One student, as native/module_measuring.cpp reads it, with arrays for what is found."""
    problem, solution = measured.problem, measured.solution
    kernel = None if solution is None else problem.cov_x @ solution.kernel @ problem.cov_x
    matrices: dict[str, Any] = {
        "embed_in": problem.embed_in,
        "embed_out": problem.embed_out,
        "target": problem.target,
        "cov_x": problem.cov_x,
        "cov_noise": problem.cov_noise,
        "root_x": problem.root_x,
        "excess": problem.excess_x if problem.excess_x.any() else None,
        "kernel": kernel,
    }
    return {
        name: None if value is None else np.ascontiguousarray(value, dtype=np.float64)
        for name, value in matrices.items()
    } | {
        "dims": list(problem.dims),
        "num_inputs": len(problem.cov_x),
        "num_labels": len(problem.target),
        "kernel_norm": 0.0 if solution is None else _norm(solution.kernel, problem.cov_x),
        "weights": list(weights),
        "loss": np.empty(count),
        "entropy": np.empty(count),
        "trace": np.empty(count),
        "imbalance": np.empty((count, problem.depth - 1)),
        "theory": np.empty((count, problem.depth - 1)),
        "spectra": [np.empty((count, modes)) for modes in num_modes(problem)],
    }


def _norm(kernel: Array, cov_x: Array) -> float:
    """``sqrt(Tr[K Σ K Σ])``."""
    moved = kernel @ cov_x
    return float(np.sqrt(np.sum(moved * moved.T)))


def _named(
    measured: Measured, quantities: dict[str, Any]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Quantities of a student and of its layers, by the names of a run's variables."""
    student = {
        "loss": quantities["loss"],
        "entropy": quantities["entropy"],
        "hessian_trace": quantities["trace"],
    }
    layer = {"imbalance": quantities["imbalance"]}
    if measured.solution is not None:
        student["entropy_ratio"] = quantities["entropy"] / measured.solution.entropy
        layer["theory_alignment"] = quantities["theory"]
    return student, layer
