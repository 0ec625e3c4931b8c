"""One case measured: ensembles at a few small parameters, and what their limit is.

Which pair of layers is watched is settled before the run: the pair that theory predicts to be the
worst. Where theory predicts that all pairs are perfect, it is the pair of layers of two students
that is worst at the start of the runs. Of equal pairs, as layers of one kernel make them, it is the
first. To choose it afterwards would favour pairs that chance has moved apart.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.progress import Progress
from methexis.scenarios.breaking.case import PERFECT, Case
from methexis.scenarios.framework.ensembles import Ensemble
from methexis.scenarios.framework.limit import Distance, apart_of, distance
from methexis.scenarios.framework.mean_kernels import layer_names, worst_pair
from methexis.scenarios.framework.points import DialPoint, EnsembleReading
from methexis.scenarios.framework.scenario import Cell
from methexis.scenarios.framework.simulation import train, worst_at_start
from methexis.scenarios.framework.statistics import half_width, jackknife

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
    # With an allowance the measured value may be off the prediction, and its error is its own.
    near = predicted if effort.relative == effort.absolute == 0.0 else None
    powers = effort.powers[: len(readings)]
    limit = distance(effort.small, kernels, powers, near, accuracy=ACCURACY)
    return compare(
        cell,
        pair=(names[pair[0]], names[pair[1]]),
        predicted=float("nan") if predicted is None else 1.0 - apart_of(predicted),
        limit=limit,
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
    return worst_at_start(ensemble, tie=ACCURACY)


def compare(
    cell: Cell[Case],
    *,
    pair: tuple[str, str],
    predicted: float,
    limit: Distance,
    readings: tuple[Reading, ...],
    silent: str | None = None,
) -> Point:
    """A limit of mean kernels beside the alignment that theory predicts of them."""
    curve, effort = cell.curve, cell.effort
    allowed = effort.allowed(1.0 - predicted)
    return Point(
        curve=curve.name,
        problem=cell.problem,
        value=cell.value,
        pair=pair,
        predicted=predicted,
        measured=1.0 - limit.value,
        error=limit.error,
        half=half_width(limit.error, replicas=limit.replicas),
        allowed=allowed,
        deviation=limit.against(1.0 - predicted, allowed) if allowed > 0.0 else limit.deviation,
        judged=silent is None and curve.holds[0] <= cell.value <= curve.holds[1],
        silent=silent,
        fit_p=limit.fit_p,
        readings=readings,
    )
