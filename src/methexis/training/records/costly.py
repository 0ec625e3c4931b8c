"""Costly quantities of snapshots, while a run is recorded and from stored weights afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.core.layers.geometry import kernel_cosine_of
from methexis.core.layers.products import hidden_maps
from methexis.core.problem import Problem
from methexis.theory.curvature import batched_sharpness
from methexis.theory.entropy import interface_gaps
from methexis.theory.moments import gradient_moments
from methexis.theory.platonic import PlatonicSolution
from methexis.theory.projection import project_of
from methexis.training.records.measured import Measured

#: Charges kept by the projection of a snapshot; far from the minima, where a few steps do not
#: keep them that well, the projected columns are left NaN.
_PROJECTION_RTOL = 1e-5
#: Accuracy of a recorded sharpness.
SHARPNESS_RTOL = 1e-4


@dataclass(frozen=True, eq=False)
class Costly:
    """Costly quantities of some snapshots.

    Attributes
    ----------
    student, layer : lists (student) of dict of arrays (snapshot,), (snapshot, hidden layer)
        By the names of a run's variables; empty of students that the theory is not about.
    alignments : array (snapshot, layer, layer), optional
        Of all pairs of layers, projected.
    widths : list (student) of int
        Number of hidden layers.
    """

    student: list[dict[str, Array]]
    layer: list[dict[str, Array]]
    alignments: Array | None
    widths: list[int]


def measure_costly(
    students: Sequence[Measured],
    weights: Sequence[list[Array]],
    names: Sequence[str],
    alignments: Callable[[Sequence[list[Array]]], Array] | None,
) -> Costly:
    """Measure what is named of snapshots.

    Parameters
    ----------
    students : sequence of Measured
        What they are measured by.
    weights : sequence (student) of list (layer) of float64 arrays (snapshot, d_i, d_{i-1})
        The snapshots.
    names : sequence of str
        Of `measuring.COSTLY`.
    alignments : function, optional
        From weights of all students to alignments of all pairs; None leaves them out.
    """
    student: list[dict[str, Array]] = [{} for _ in students]
    layer: list[dict[str, Array]] = [{} for _ in students]
    pairs = None
    if "projection" in names:
        projected = [_project(m, w) for m, w in zip(students, weights, strict=True)]
        pairs = None if alignments is None else alignments(projected)
        for k, measured in enumerate(students):
            if measured.in_theory:
                of_student, of_layers = _on_minima(measured, projected[k])
                student[k] |= of_student
                layer[k] |= of_layers
    for k, measured in enumerate(students):
        if not measured.in_theory:
            continue
        problem = measured.problem
        if "entropic_gap" in names:
            gaps = interface_gaps(gradient_moments(problem, weights[k]))
            layer[k]["entropic_gap"] = np.stack(gaps, axis=-1)
        if "sharpness" in names:
            student[k]["sharpness"] = batched_sharpness(problem, weights[k], rtol=SHARPNESS_RTOL)
    return Costly(student, layer, pairs, [m.problem.depth - 1 for m in students])


def _project(measured: Measured, weights: list[Array]) -> list[Array]:
    """Projected weights; NaN where no minimum is within reach (too narrow, at a saddle)."""
    if not measured.in_theory:
        return [np.full_like(w, np.nan) for w in weights]
    return project_of(measured.problem, weights, strict=False, charge_rtol=_PROJECTION_RTOL)


def _on_minima(
    measured: Measured, projected: list[Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """What is measured of a linear student, and of its layers, at projected weights."""
    problem, solution = measured.problem, measured.solution
    student = {"entropy_projected": total(gradient_moments(problem, projected).layer_entropy())}
    layer: dict[str, Array] = {}
    if solution is not None:
        layer["theory_alignment_projected"] = to_theory(problem, projected, solution)
        student["entropy_ratio_projected"] = student["entropy_projected"] / solution.entropy
    return student, layer


def to_theory(problem: Problem, weights: list[Array], solution: PlatonicSolution) -> Array:
    """Cosines of all hidden layers' kernels with the universal one, ``(..., hidden layer)``."""
    return np.stack(
        [
            kernel_cosine_of(h.mT @ h, solution.kernel, problem.cov_x)
            for h in hidden_maps(problem, weights)
        ],
        axis=-1,
    )


def total(layers: list[Array]) -> Array:
    """Sum of an array per layer over all layers."""
    return np.asarray(sum(layers[1:], layers[0]))
