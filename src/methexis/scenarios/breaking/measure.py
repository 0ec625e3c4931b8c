"""One case measured: ensembles at a few small parameters, and what their limit is.

Which pair of layers is watched is settled before the run: the pair that theory predicts to be the
worst. Where theory predicts that all pairs are perfect, it is the pair of layers of two students
that is worst at the start of the runs. Of equal pairs, as layers of one kernel make them, it is the
first. To choose it afterwards would favour pairs that chance has moved apart.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.progress import Progress
from methexis.scenarios.breaking.case import PERFECT, Case
from methexis.scenarios.framework.ensembles import Ensemble
from methexis.scenarios.framework.limit import apart_of, distance
from methexis.scenarios.framework.mean_kernels import (
    alignments,
    joint_kernels,
    layer_names,
    misalignment,
    worst_pair,
)
from methexis.scenarios.framework.points import DialPoint, EnsembleReading
from methexis.scenarios.framework.scenario import Cell
from methexis.scenarios.framework.simulation import plan_of, train
from methexis.scenarios.framework.statistics import beyond, half_width, jackknife, normal_score

#: What projections, fixed points and integrated paths may be off by, in ``1 - A``; without noise
#: replicas are all alike, and it is all the error there is.
ACCURACY = 1e-8
#: A quick run looks at every second snapshot: still three in two slowest relaxation times, and
#: projecting snapshots is most of its work.
QUICK_EVERY = 2


Reading = EnsembleReading[float]


@dataclass(frozen=True, kw_only=True)
class Point(DialPoint):
    """Prediction and measurement of one case: the alignment of a pair of layers."""

    pair: tuple[str, str]  # the watched layers
    judged: bool  # whether theory claims to hold here
    silent: str | None = None  # why theory predicts nothing, where it does not
    fit_p: float  # p-value of the fit over the small parameter; 1 where nothing was left to test
    readings: tuple[EnsembleReading[float], ...]  # of ``1 - A`` of the pair's mean kernels

    @property
    def by_chance(self) -> bool:
        """Whether replicas differ by more than the accuracy of what is computed of them."""
        return max(r.error for r in self.readings) > 2.0 * ACCURACY


def measure(case: Case, cell: Cell[Case], seed: int, show: Progress | None = None) -> Point:
    """Train one case and compare; ``seed`` is that of the first ensemble."""
    effort = cell.effort
    names: list[str] = []
    kernels: list[Array] = []
    readings = []
    for number, small in enumerate(effort.small):
        ensemble = case.ensemble(small).hurried(effort.hurry)
        if cell.quick:
            ensemble = ensemble.thinned(QUICK_EVERY)
        if not names:
            pair = watched(case, ensemble)
            names = layer_names(ensemble.students)
        began = time.monotonic()
        outcome = train(ensemble, effort.replicas, seed + number, show)
        kernels.append(outcome.late[:, list(pair)])
        apart, error = jackknife(apart_of, kernels[-1])
        readings.append(
            Reading(
                small=small,
                lr=ensemble.lr,
                steps=int(outcome.steps[-1]),
                replicas=effort.replicas,
                lost=outcome.lost,
                seed=seed + number,
                value=apart,
                error=float(np.hypot(error, ACCURACY)),
                seconds=time.monotonic() - began,
            )
        )
    predicted = None if case.silent else np.stack([case.kernels[layer] for layer in pair])
    return compare(
        cell,
        pair=(names[pair[0]], names[pair[1]]),
        predicted=predicted,
        kernels=kernels,
        readings=tuple(readings),
        silent=case.silent or None,
    )


def watched(case: Case, ensemble: Ensemble) -> tuple[int, int]:
    """The pair that is predicted to be worst or, where none is, that is worst at the start.

    The start decides where theory is silent, too; of different students, as far as there are two.
    """
    if not case.silent:
        pair = worst_pair(case.predicted, tie=ACCURACY)
        if case.predicted[pair] < PERFECT:
            return pair
    start = plan_of(ensemble, 2, 0).start
    aligned = alignments(
        joint_kernels(
            ensemble.source,
            ensemble.students,
            ensemble.problems,
            [[w[0] for w in layers] for layers in start],
        )
    )
    owner = np.repeat(np.arange(len(ensemble.students)), [s.depth - 1 for s in ensemble.students])
    if len(ensemble.students) > 1:
        aligned = np.where(owner[:, None] == owner, np.inf, aligned)
    return worst_pair(aligned, tie=ACCURACY)


def compare(
    cell: Cell[Case],
    *,
    pair: tuple[str, str],
    predicted: Array | None,
    kernels: Sequence[Array],
    readings: tuple[Reading, ...],
    silent: str | None = None,
) -> Point:
    """Extrapolate mean kernels, as far as the number of readings allows, and compare the limit.

    ``predicted`` and ``kernels`` are of the watched pair: ``(2, n, n)`` and, at each reading,
    ``(replica, 2, n, n)``.
    """
    curve, effort = cell.curve, cell.effort
    limit = distance(
        [r.small for r in readings],
        kernels,
        effort.powers[: len(readings)],
        predicted,
        accuracy=ACCURACY,
    )
    goal = float("nan") if predicted is None else misalignment(predicted[0], predicted[1])
    allowed = effort.allowed(goal)
    deviation = limit.deviation
    if allowed > 0.0:
        over = float(beyond(goal - limit.value, allowed))
        deviation = normal_score(over / limit.error, limit.replicas - 1)
    return Point(
        curve=curve.name,
        problem=cell.problem,
        value=cell.value,
        pair=pair,
        predicted=1.0 - goal,
        measured=1.0 - limit.value,
        error=limit.error,
        half=half_width(limit.error, replicas=limit.replicas),
        allowed=allowed,
        deviation=deviation,
        judged=silent is None and curve.holds[0] <= cell.value <= curve.holds[1],
        silent=silent,
        fit_p=limit.fit_p,
        readings=readings,
    )
