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
    lost: int  # replicas that diverged or collapsed, or left the minima; they are left out

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
    alive = [
        projected(p, layers, strict=False) for p, layers in zip(problems, weights, strict=True)
    ]
    near = np.logical_and.reduce([on_minima(layers) for layers in alive])
    if np.sum(near) < 2:
        raise MethexisError(
            f"ensemble: expected replicas that stay near the minima, got {np.sum(near)} of "
            f"{len(near)} at learning rate {ensemble.lr:g}"
        )
    alive = [[w[:, near] for w in layers] for layers in alive]
    kernels = joint_kernels(ensemble.source, ensemble.students, problems, alive)
    # Steps that fall together are recorded once.
    rows = np.searchsorted(plan.record, ensemble.steps)
    gone = int(np.sum(~near))
    return Outcome(np.stack(kernels, axis=2)[rows], ensemble.steps, lost + gone)


def on_minima(projected: Sequence[Array]) -> NDArray[np.bool_]:
    """Which replicas of weights ``(snapshot, replica, ...)`` were projected at all snapshots."""
    return np.asarray(np.isfinite(projected[0]).all(axis=(0, -2, -1)))


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


def projected(problem: Problem, weights: Sequence[Array], *, strict: bool = True) -> list[Array]:
    """Weights on the minima; none is left out, or NaN without ``strict``.

    The quick projection returns NaN where it is not good enough; there gradient flow is integrated.
    From weights as large as those of sign-SGD, which diffuse without bound, even that may not come
    to the minima. This is an error, or NaN without ``strict``.
    """
    result = project_of(problem, weights, strict=False, charge_rtol=CHARGE_RTOL)
    failed = ~np.isfinite(result[0]).all(axis=(-2, -1))
    if failed.any():
        rest = [w[failed] for w in weights]
        try:
            redone = project_of(problem, rest, charge_rtol=CHARGE_RTOL, close=CLOSE)
        except MethexisError:
            if strict:
                raise
            redone = _one_by_one(problem, rest)
        for layer, again in zip(result, redone, strict=True):
            layer[failed] = again
    return result


def _one_by_one(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """Each of weights ``(count, ...)`` projected by itself; NaN where that fails."""
    result = [np.full_like(w, np.nan) for w in weights]
    for k in range(len(weights[0])):
        try:
            one = project_of(problem, [w[k] for w in weights], charge_rtol=CHARGE_RTOL, close=CLOSE)
        except MethexisError:
            continue
        for layer, again in zip(result, one, strict=True):
            layer[k] = again
    return result
