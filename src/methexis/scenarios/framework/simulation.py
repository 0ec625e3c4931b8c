"""An ensemble carried out: trained by SGD, projected onto the minima, reduced to kernels.

The projection (`theory.projection`) takes off the fluctuation of order ``sqrt(η)`` and changes the
mean kernel's limit by nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError
from methexis.core.problem import Problem
from methexis.progress import Progress
from methexis.scenarios.framework.ensembles import Ensemble
from methexis.scenarios.framework.mean_kernels import alignments, joint_kernels, worst_pair
from methexis.theory.projection import NEAR, project_of
from methexis.training.plan import Plan, make_plan
from methexis.training.weights import recorded_weights

#: Charges kept by the projection of a snapshot; as in `training.recording`.
CHARGE_RTOL = 1e-5
#: Relative gap down to which gradient flow is integrated for a snapshot. The quick projection goes
#: on from twice as far, so it is no less accurate for those than for the others.
CLOSE = NEAR / 2.0


@dataclass(frozen=True, eq=False)
class Outcome:
    """Kernels of a trained ensemble."""

    #: (snapshot, replica, layer, n, n): of all students' hidden layers, whitened, of unit trace,
    #: projected onto the minima.
    kernels: Array
    steps: NDArray[np.int64]  # (snapshot,)
    lost: int  # replicas that diverged or collapsed; they are left out

    @property
    def late(self) -> Array:
        """Mean over snapshots, ``(replica, layer, n, n)``."""
        return np.asarray(self.kernels.mean(axis=0))


def plan_of(ensemble: Ensemble, replicas: int, seed: int) -> Plan:
    """The run of an ensemble, validated."""
    steps = ensemble.steps
    return make_plan(
        ensemble.students,
        ensemble.source,
        ensemble.optimiser,
        steps=int(steps[-1]),
        batch=ensemble.batch,
        sampling=ensemble.sampling,
        paired=ensemble.paired,
        loss=ensemble.loss,
        init=ensemble.start,
        label_noise=ensemble.label_noise,
        replicas=replicas,
        seed=seed,
        record=steps,
    )


def worst_at_start(ensemble: Ensemble, tie: float = 0.0) -> tuple[int, int]:
    """The least aligned two layers where runs start; of different students, if there are several.

    Pairs within ``tie`` of the least count as equal to it, and the first of equals is taken.
    """
    start = plan_of(ensemble, 2, 0).start
    first = [[w[0] for w in layers] for layers in start]
    students = ensemble.students
    aligned = alignments(joint_kernels(ensemble.source, students, ensemble.problems, first))
    owner = np.repeat(np.arange(len(students)), [s.depth - 1 for s in students])
    if len(students) > 1:
        aligned = np.where(owner[:, None] == owner, np.inf, aligned)
    return worst_pair(aligned, tie=tie)


def train(ensemble: Ensemble, replicas: int, seed: int, show: Progress | None = None) -> Outcome:
    """Train and return projected kernels of the replicas that were not lost.

    Raises
    ------
    MethexisError
        If fewer than two replicas are left.
    """
    plan = plan_of(ensemble, replicas, seed)
    weights, lost = survivors(plan, "ensemble", f"learning rate {ensemble.lr:g}", show)
    problems = ensemble.problems
    alive = [projected(p, layers) for p, layers in zip(problems, weights, strict=True)]
    kernels = joint_kernels(ensemble.source, ensemble.students, problems, alive)
    # Steps that fall together are recorded once.
    rows = np.searchsorted(plan.record, ensemble.steps)
    return Outcome(np.stack(kernels, axis=2)[rows], ensemble.steps, lost)


def survivors(
    plan: Plan, what: str, where: str, show: Progress | None = None
) -> tuple[list[list[Array]], int]:
    """Recorded weights of every student's healthy replicas, and how many were lost.

    Raises
    ------
    MethexisError
        If fewer than two replicas are left; ``what`` lost them, ``where`` on the dial.
    """
    weights, healthy = recorded_weights(plan, show)
    left = int(np.sum(healthy))
    if left < 2:
        raise MethexisError(
            f"{what}: expected replicas that stay finite, got {left} of {len(healthy)} at {where}"
        )
    return [[w[:, healthy] for w in layers] for layers in weights], len(healthy) - left


def projected(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """Weights on the minima; none is left out.

    The quick projection returns NaN where it is not good enough; there gradient flow is integrated,
    and a snapshot that even this does not project is an error.
    """
    result = project_of(problem, weights, strict=False, charge_rtol=CHARGE_RTOL)
    failed = ~np.isfinite(result[0]).all(axis=(-2, -1))
    if failed.any():
        rest = [w[failed] for w in weights]
        redone = project_of(problem, rest, charge_rtol=CHARGE_RTOL, close=CLOSE)
        for layer, again in zip(result, redone, strict=True):
            layer[failed] = again
    return result
