"""What is measured along a run, and the arrays it goes into.

Every recorded step takes a snapshot of the weights and measures it. Quantities of a student are
raw (at the weights, with SGD's fluctuations) and, where the theorem speaks of minima, projected
(after gradient flow at fixed charges, `theory.project`). Lost networks are NaN throughout; so are
costly quantities where they are not measured (`training.measuring`).

Of linear students with a quadratic loss all of it follows from moments. A run with any other
student or loss is measured on reference inputs (`training.records.reference_inputs`): its loss, and
as soon as one student is nonlinear all alignments. Columns that need the theory are NaN for the
students that it is not about, with the reason in ``condition``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.joint import joint_inputs
from methexis.core.layers.geometry import cosines_of
from methexis.core.layers.products import hidden_maps
from methexis.core.linalg import sqrt_psd, squared_norm
from methexis.core.problem import Problem
from methexis.theory.curvature import trace_of
from methexis.theory.entropy import imbalances, loss_of
from methexis.theory.moments import gradient_moments
from methexis.theory.platonic import platonic_of
from methexis.training.engines.choice import choose_engine
from methexis.training.engines.native import NativeEngine
from methexis.training.engines.state import State
from methexis.training.memory import measured_at_once, num_modes
from methexis.training.parallel import in_threads
from methexis.training.plan import Plan
from methexis.training.records.compiled import measure_compiled, narrow, refusal
from methexis.training.records.compiled_inputs import (
    inputs_refusal,
    measure_inputs_compiled,
)
from methexis.training.records.costly import measure_costly, to_theory, total
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
#: Networks whose cheap quantities are measured together: few, so that intermediate results stay in
#: the cache; many, so that calls of NumPy cost nothing beside them.
CHEAP_AT_ONCE = 64
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
    #: Covariance eigenvalues, by student and hidden layer, (num_records, network, mode).
    spectra: list[list[Array]]
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
        # The bits of a run are those of one engine, and so are those of its records.
        self._compiled: list[int] = []
        if choose_engine(plan) is NativeEngine and not refusal(plan):
            self._compiled = [k for k, m in enumerate(first) if m.in_theory and narrow(m.problem)]
            if self._linear and len(self._compiled) < len(first):
                self._compiled = []  # alignments are of all students at once
        self._on_inputs = bool(
            self._references and choose_engine(plan) is NativeEngine and not inputs_refusal(plan)
        )
        self._inputs, self._places = joint_inputs(plan.source, plan.students)
        # A part for every thread, if there are not more.
        self._cheap_at_once = min(CHEAP_AT_ONCE, -(-plan.num_networks // plan.threads))
        self._costly_at_once = max(1, measured_at_once(plan.problems) // plan.threads)

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
            spectra=[
                [np.full((*shape, count), np.nan) for count in num_modes(p)] for p in plan.problems
            ],
            weights=[
                [np.zeros((len(plan.record), *w.shape), dtype=plan.dtype) for w in layers]
                for layers in plan.start
            ],
        )

    def record(self, records: Records, state: State) -> None:
        """Measure ``state`` into the next free row of ``records``.

        A network that is lost now but that the engine has not checked yet is left out as well; it
        is not marked, since the bits of a run must not depend on what is recorded. Networks are
        measured some at a time, in as many threads as steps are taken; no number depends on either.
        """
        row = records.done
        diverged, collapsed = state.lost(self.plan)
        healthy = state.alive & ~diverged & ~collapsed
        alive, lost = np.flatnonzero(healthy), np.flatnonzero(~healthy)
        for layers, snapshots in zip(state.weights, records.weights, strict=True):
            for w, snapshot in zip(layers, snapshots, strict=True):
                snapshot[row] = w
                snapshot[row, lost] = np.nan
        jobs: list[Callable[[], None]] = []
        for number, level in enumerate(self.levels):
            here = alive if len(self.levels) == 1 else np.intersect1d(alive, level.networks)
            if not len(here):
                continue
            if self._compiled:
                self._measure_compiled(records, state, row, number, here)
            if self._on_inputs:
                self._measure_on_inputs(records, state, row, number, here)
            if all(self._by_kernels(k) for k in range(len(self.plan.problems))):
                continue
            size = self._cheap_at_once
            jobs += [
                partial(
                    self._measure_cheap, records, state, row, number, here[first : first + size]
                )
                for first in range(0, len(here), size)
            ]
        if self.plan.measuring.everywhere and self.plan.measuring.quantities:
            jobs += self._costly_jobs(records, np.full_like(alive, row), alive)
        if jobs:
            in_threads(jobs, self.plan.threads)
        records.done = row + 1

    def _by_kernels(self, k: int) -> bool:
        """Whether kernels measure all that is cheap of a student."""
        return k in self._compiled or (self._on_inputs and not self.plan.problems[k].linear)

    def _measure_compiled(
        self, records: Records, state: State, row: int, number: int, here: NDArray[np.intp]
    ) -> None:
        """Do what `_measure_cheap` does of some students for all networks of a level."""
        level = self.levels[number]
        students = [level.students[k] for k in self._compiled]
        weights = [state.weights[k] for k in self._compiled]
        cheap = measure_compiled(self.plan, students, weights, here)
        if self._linear:
            records.alignment[row, here] = cheap.alignments
        for i, k in enumerate(self._compiled):
            self._keep(records, row, here, k, cheap.student[i], cheap.layer[i], cheap.spectra[i])

    def _measure_on_inputs(
        self, records: Records, state: State, row: int, number: int, here: NDArray[np.intp]
    ) -> None:
        """Do what `_measure_cheap` does on reference inputs for all networks of a level."""
        students = self.levels[number].students
        on_inputs = measure_inputs_compiled(
            self.plan, self._references[number], students, state.weights, here
        )
        if not self._linear:
            records.alignment[row, here] = on_inputs.alignments
        for k, (losses, spectra) in enumerate(
            zip(on_inputs.losses, on_inputs.spectra, strict=True)
        ):
            self._keep(records, row, here, k, losses, {}, spectra)

    def _measure_cheap(
        self, records: Records, state: State, row: int, number: int, here: NDArray[np.intp]
    ) -> None:
        """Measure all that is measured of every network, of some of one level of label noise."""
        weights = _doubles(state, here)
        on_inputs = None
        if self._references and not self._on_inputs:
            on_inputs = self._references[number].measure(weights)
        if self._linear:
            records.alignment[row, here] = self.alignments(weights)
        elif on_inputs is not None:
            records.alignment[row, here] = on_inputs.alignments
        for k, measured in enumerate(self.levels[number].students):
            if self._by_kernels(k):
                continue
            if measured.problem.linear:
                spectra = linear_spectra(measured.problem, weights[k])
            else:
                assert on_inputs is not None  # as for all nonlinear students
                spectra = on_inputs.spectra[k]
            student: dict[str, Array] = {}
            layer: dict[str, Array] = {}
            if measured.in_theory:
                student, layer = _measure(measured, weights[k])
            elif on_inputs is not None:
                student = on_inputs.losses[k]
            self._keep(records, row, here, k, student, layer, spectra)

    def finish(self, records: Records) -> None:
        """Measure the costly quantities of a run that has them of some networks at some records.

        All at once, from the snapshots: of few networks a record, calls would cost most of it.
        """
        measuring = self.plan.measuring
        if measuring.everywhere:
            return
        rows = np.repeat(measuring.records, len(measuring.networks))
        networks = np.tile(measuring.networks, len(measuring.records))
        taken = rows < records.done
        for layers in records.weights:
            for w in layers:
                taken &= np.isfinite(w[rows, networks]).all(axis=(-2, -1))
        in_threads(self._costly_jobs(records, rows[taken], networks[taken]), self.plan.threads)

    def _costly_jobs(
        self, records: Records, rows: NDArray[np.intp], networks: NDArray[np.intp]
    ) -> list[Callable[[], None]]:
        """Jobs that measure pairs of a record and a network, a part of them for every thread.

        The projection, which eliminates without Python's lock, has jobs of its own: threads that
        need the lock for every small product then run beside it and not beside each other.
        """
        named = self.plan.measuring.quantities
        kinds = [[n for n in named if n == "projection"], [n for n in named if n != "projection"]]
        jobs: list[Callable[[], None]] = []
        for number, level in enumerate(self.levels):
            if not any(measured.in_theory for measured in level.students):
                continue  # nothing costly is known of them
            here = np.flatnonzero(np.isin(networks, level.networks))
            size = min(self._costly_at_once, max(1, -(-len(here) // self.plan.threads)))
            parts = -(-len(here) // size)
            for first in range(parts):
                # Of each part early and late records, which differ in what they cost.
                part = here[first::parts]
                jobs += [
                    partial(self._costly, records, rows[part], networks[part], number, names)
                    for names in kinds
                    if names
                ]
        return jobs

    def _costly(
        self,
        records: Records,
        rows: NDArray[np.intp],
        here: NDArray[np.intp],
        number: int,
        names: Sequence[str],
    ) -> None:
        weights = [[w[rows, here].astype(np.float64) for w in s] for s in records.weights]
        students = self.levels[number].students
        pairs = self._pairs_of(number)
        costly = measure_costly(students, weights, names, pairs)
        if costly.alignments is not None:
            records.alignment_projected[rows, here] = costly.alignments
        for k in range(len(students)):
            self._keep(records, rows, here, k, costly.student[k], costly.layer[k])

    def _pairs_of(self, number: int) -> Callable[[Sequence[list[Array]]], Array] | None:
        """From weights to alignments of all pairs; None where no student has projected weights."""
        if self._linear:
            return self.alignments
        if any(m.in_theory for m in self.levels[number].students):
            return lambda weights: self._references[number].measure(weights).alignments
        return None

    def _keep(
        self,
        records: Records,
        row: int | NDArray[np.intp],
        here: NDArray[np.intp],
        k: int,
        student: dict[str, Array],
        layer: dict[str, Array],
        spectra: Sequence[Array] = (),
    ) -> None:
        """Write what was measured of one student, and of its layers, into its places."""
        for name, value in student.items():
            records.student[name][row, here, k] = value
        first = sum(p.depth - 1 for p in self.plan.problems[:k])
        for name, value in layer.items():
            records.layer[name][row, here, first : first + value.shape[-1]] = value
        for kept, value in zip(records.spectra[k], spectra, strict=False):
            kept[row, here] = value

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


def linear_spectra(problem: Problem, weights: list[Array]) -> list[Array]:
    """Covariance eigenvalues of a linear student's hidden layers, descending."""
    spectra = []
    for h in hidden_maps(problem, weights):
        white = h @ problem.root_x
        values = np.full((len(white), min(white.shape[-2:])), np.nan)
        good = np.isfinite(white).all(axis=(-2, -1))
        values[good] = np.linalg.svd(white[good], compute_uv=False) ** 2
        spectra.append(values)
    return spectra


def _doubles(state: State, here: NDArray[np.intp]) -> list[list[Array]]:
    """Weights of some networks in double precision."""
    return [[w[here].astype(np.float64) for w in layers] for layers in state.weights]


def _measure(measured: Measured, weights: list[Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    """What is measured of every linear student, and of its layers, but alignments of pairs."""
    problem, solution = measured.problem, measured.solution
    moments = gradient_moments(problem, weights)
    student = {
        "loss": loss_of(problem, weights),
        "entropy": total(moments.layer_entropy()),
        "hessian_trace": trace_of(problem, weights),
    }
    layer = {"imbalance": np.stack(imbalances(moments), axis=-1)}
    if solution is not None:
        layer["theory_alignment"] = to_theory(problem, weights, solution)
        student["entropy_ratio"] = student["entropy"] / solution.entropy
    return student, layer
