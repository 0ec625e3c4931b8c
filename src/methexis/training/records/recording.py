"""What is measured along a run, and the arrays it goes into.

Every recorded step takes a snapshot of the weights and measures it. Quantities of a student are
raw (at the weights, with SGD's fluctuations) and, where the theorem speaks of minima, projected
(after gradient flow at fixed charges, `theory.project`). Lost networks are NaN throughout.

Of linear students with a quadratic loss all of it follows from moments. A run with any other
student or loss is measured on reference inputs (`training.records.reference_inputs`): its loss, and
as soon as one student is nonlinear all alignments. Columns that need the theory are NaN for the
students that it is not about, with the reason in ``condition``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from methexis.core.charges import charges
from methexis.core.checks import Array
from methexis.core.geometry import cosines_of, kernel_cosine_of
from methexis.core.joint import joint_inputs
from methexis.core.linalg import sqrt_psd, squared_norm
from methexis.core.problem import Problem
from methexis.core.products import hidden_maps
from methexis.theory.curvature import batched_sharpness, trace_of
from methexis.theory.entropy import imbalances, interface_gaps, loss_of
from methexis.theory.moments import gradient_moments
from methexis.theory.platonic import PlatonicSolution, platonic_of
from methexis.theory.projection import project_of
from methexis.training.engines.state import State
from methexis.training.memory import measured_at_once
from methexis.training.plan import Plan
from methexis.training.records.measured import Measured, levels
from methexis.training.records.reference_inputs import ReferenceInputs

STUDENT_VARIABLES = (
    "loss",
    "entropy",
    "entropy_projected",
    "entropy_ratio",
    "entropy_ratio_projected",
    "hessian_trace",
    "sharpness",
)
#: Charges kept by the projection of a snapshot; far from the minima, where a few steps do not
#: keep them that well, the projected columns are left NaN.
_PROJECTION_RTOL = 1e-5
LAYER_VARIABLES = (
    "theory_alignment",
    "theory_alignment_projected",
    "imbalance",
    "entropic_gap",
)


@dataclass(eq=False)
class Records:
    """Measurements at the recorded steps, filled one step after another."""

    done: int  # recorded steps so far
    student: dict[str, Array]  # (num_records, network, student)
    layer: dict[str, Array]  # (num_records, network, layer)
    #: (num_records, network, layer, layer): cosines of the Gram matrices.
    alignment: Array
    alignment_projected: Array
    #: Snapshots, by student and layer, (num_records, network, d_i, d_{i-1}).
    weights: list[list[Array]] = field(default_factory=list)


class Recorder:
    """Measures states of one plan.

    Attributes
    ----------
    levels : list of Level
        Problems and closed forms of all students, one after another level of label noise.
    solutions : list of PlatonicSolution or None
        Closed form per student; None where a condition of the theorem fails, with the reason in
        ``conditions``, and where it differs between levels.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.levels = levels(plan)
        first = self.levels[0].students
        self.solutions = [m.solution if len(self.levels) == 1 else None for m in first]
        self.conditions = [
            next((m.condition for m in students if m.condition), "")
            for students in zip(*(level.students for level in self.levels), strict=True)
        ]
        self._linear = all(p.linear for p in plan.problems)
        self._references: list[ReferenceInputs] = []
        if not all(m.in_theory for m in first):
            self._references = [
                ReferenceInputs(plan, [m.problem for m in level.students]) for level in self.levels
            ]
        self._inputs, self._places = joint_inputs(plan.source, plan.students)

    def empty(self) -> Records:
        """Arrays of NaN for all recorded steps."""
        plan = self.plan
        shape = (len(plan.record), plan.num_networks)
        layers = len(plan.layers)
        names = list(STUDENT_VARIABLES)
        if plan.loss == "cross_entropy":
            names.append("accuracy")
        return Records(
            done=0,
            student={n: np.full((*shape, len(plan.students)), np.nan) for n in names},
            layer={n: np.full((*shape, layers), np.nan) for n in LAYER_VARIABLES},
            alignment=np.full((*shape, layers, layers), np.nan),
            alignment_projected=np.full((*shape, layers, layers), np.nan),
            weights=[
                [np.full((len(plan.record), *w.shape), np.nan, dtype=plan.dtype) for w in layers]
                for layers in plan.start
            ],
        )

    def record(self, records: Records, state: State) -> None:
        """Measure ``state`` into the next free row of ``records``.

        A network that is lost now but that the engine has not checked yet is left out as well; it
        is not marked, since the bits of a run must not depend on what is recorded.
        """
        row = records.done
        diverged, collapsed = state.lost(self.plan)
        alive = np.flatnonzero(state.alive & ~diverged & ~collapsed)
        for layers, snapshots in zip(state.weights, records.weights, strict=True):
            for w, snapshot in zip(layers, snapshots, strict=True):
                snapshot[row, alive] = w[alive]
        size = measured_at_once(self.plan.problems)
        # A network on its way to divergence may overflow in the squares measured here.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for first in range(0, len(alive), size):
                self._measure_all(records, state, row, alive[first : first + size])
        records.done = row + 1

    def _measure_all(
        self, records: Records, state: State, row: int, alive: NDArray[np.intp]
    ) -> None:
        for number, level in enumerate(self.levels):
            here = np.intersect1d(alive, level.networks)
            if not len(here):
                continue
            weights = [[w[here].astype(np.float64) for w in s] for s in state.weights]
            projected = [_project(m, w) for m, w in zip(level.students, weights, strict=True)]
            losses: list[dict[str, Array]] = [{} for _ in weights]
            if self._references:
                records.alignment[row, here], losses = self._references[number].measure(weights)
            if self._linear:
                records.alignment[row, here] = self.alignments(weights)
                records.alignment_projected[row, here] = self.alignments(projected)
            elif any(m.in_theory for m in level.students):
                records.alignment_projected[row, here], _ = self._references[number].measure(
                    projected
                )
            offset = 0
            for k, measured in enumerate(level.students):
                width = measured.problem.depth - 1
                found: dict[str, Array] = losses[k]
                layer: dict[str, Array] = {}
                if measured.in_theory:
                    found, layer = _measure(measured, weights[k], projected[k])
                for name, value in found.items():
                    records.student[name][row, here, k] = value
                for name, value in layer.items():
                    records.layer[name][row, here, offset : offset + width] = value
                offset += width

    def alignments(self, weights: Sequence[Sequence[Array]]) -> Array:
        """Cosines of the Gram matrices of all pairs of layers of linear students."""
        return cosines_of(self.joint_maps(weights), self._inputs)

    def joint_maps(self, weights: Sequence[Sequence[Array]]) -> list[Array]:
        """Hidden layers of all students as maps from the joint input ``[x; u_0; u_1; …]``."""
        maps = []
        for problem, layers, places in zip(self.plan.problems, weights, self._places, strict=True):
            for h in hidden_maps(problem, layers):
                joint = np.zeros((*h.shape[:-1], len(self._inputs)))
                joint[..., places] = h
                maps.append(joint)
        return maps

    def whitened_universal_kernels(self) -> list[Array]:
        """Universal kernel of each hidden layer's student, in the basis of `mean_kernels`.

        Raises
        ------
        ConditionError
            If a condition of the theorem fails for a student.
        """
        root = sqrt_psd(self._inputs)
        kernels = []
        for problem, places in zip(self.plan.problems, self._places, strict=True):
            joint = np.zeros_like(self._inputs)
            joint[np.ix_(places, places)] = platonic_of(problem).kernel
            kernels += [root @ joint @ root] * (problem.depth - 1)
        return kernels

    def charges(self, records: Records, k: int) -> list[Array]:
        """Charges of student ``k`` at all recorded steps, ``(num_records, network, d_i, d_i)``."""
        weights = [w.astype(np.float64) for w in records.weights[k]]
        return charges(weights, bias=self.plan.problems[k].bias)

    def spectra(self, records: Records, k: int) -> list[Array]:
        """Covariance eigenvalues of student ``k``'s hidden layers, descending."""
        problem = self.plan.problems[k]
        if not problem.linear:
            rows = [
                self._references[0].spectra(k, layers)
                for layers in zip(*records.weights[k], strict=True)
            ]
            return [np.stack(values) for values in zip(*rows, strict=True)]
        root = problem.root_x
        result = []
        for h in hidden_maps(problem, [w.astype(np.float64) for w in records.weights[k]]):
            flat = (h @ root).reshape(-1, *h.shape[-2:])
            values = np.full((len(flat), min(h.shape[-2:])), np.nan)
            good = np.isfinite(flat).all(axis=(-2, -1))
            values[good] = np.linalg.svd(flat[good], compute_uv=False) ** 2
            result.append(values.reshape(*h.shape[:-2], -1))
        return result


def mean_kernels(recorder: Recorder, weights: Sequence[Sequence[Array]]) -> list[Array]:
    """Mean over all leading dimensions of each layer's kernel, each first scaled to unit trace.

    Kernels are of the joint whitened input, ``Σ^{1/2} HᵀH Σ^{1/2} / Tr``. Non-finite networks are
    left out; a layer of which none is left has a kernel of NaN.
    """
    root = sqrt_psd(recorder._inputs)
    kernels = []
    for h in recorder.joint_maps(weights):
        white = (h @ root).reshape(-1, *h.shape[-2:])
        white = white[np.isfinite(white).all(axis=(-2, -1))]
        if not len(white):
            kernels.append(np.full_like(root, np.nan))
            continue
        gram = white.mT @ white / squared_norm(white)[:, None, None]
        kernels.append(gram.mean(axis=0))
    return kernels


def _project(measured: Measured, weights: list[Array]) -> list[Array]:
    """Projected weights; NaN where no minimum is within reach (too narrow, at a saddle)."""
    if not measured.in_theory:
        return [np.full_like(w, np.nan) for w in weights]
    return project_of(measured.problem, weights, strict=False, charge_rtol=_PROJECTION_RTOL)


def _measure(
    measured: Measured, weights: list[Array], projected: list[Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    problem, solution = measured.problem, measured.solution
    moments = gradient_moments(problem, weights)
    found = {
        "loss": loss_of(problem, weights),
        "entropy": _total(moments.layer_entropy()),
        "hessian_trace": trace_of(problem, weights),
        "sharpness": batched_sharpness(problem, weights, rtol=1e-4),
    }
    layer = {
        "imbalance": np.stack(imbalances(moments), axis=-1),
        "entropic_gap": np.stack(interface_gaps(moments), axis=-1),
    }
    on_minima = gradient_moments(problem, projected)
    found["entropy_projected"] = _total(on_minima.layer_entropy())
    if solution is not None:
        layer["theory_alignment"] = _to_theory(problem, weights, solution)
        found["entropy_ratio"] = found["entropy"] / solution.entropy
        layer["theory_alignment_projected"] = _to_theory(problem, projected, solution)
        found["entropy_ratio_projected"] = found["entropy_projected"] / solution.entropy
    return found, layer


def _to_theory(problem: Problem, weights: list[Array], solution: PlatonicSolution) -> Array:
    return np.stack(
        [
            kernel_cosine_of(h.mT @ h, solution.kernel, problem.cov_x)
            for h in hidden_maps(problem, weights)
        ],
        axis=-1,
    )


def _total(layers: list[Array]) -> Array:
    return np.asarray(sum(layers[1:], layers[0]))
