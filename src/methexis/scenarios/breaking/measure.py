"""One case measured: ensembles at a few small parameters, and what their limit is.

Which pair of layers is watched is settled before the run: the pair that theory predicts to be the
worst. Where theory predicts that all pairs are perfect, it is the pair of layers of two students
that is worst at the start of the runs. Of equal pairs, as layers of one kernel make them, it is the
first. To choose it afterwards would favour pairs that chance has moved apart.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from methexis.core.checks import Array
from methexis.progress import Progress
from methexis.scenarios.breaking.case import PERFECT, Case, powers_at
from methexis.scenarios.framework.ensembles import Ensemble
from methexis.scenarios.framework.mean_kernels import (
    alignments,
    joint_kernels,
    layer_names,
    misalignment,
    worst_pair,
)
from methexis.scenarios.framework.points import DialPoint, EnsembleReading
from methexis.scenarios.framework.scenario import Cell, Curve, Effort
from methexis.scenarios.framework.simulation import plan_of, train
from methexis.scenarios.framework.statistics import fit_powers, jackknife

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
    pair: tuple[int, int] | None = None
    names: list[str] = []
    readings = []
    for number, small in enumerate(effort.small):
        ensemble = case.ensemble(small).hurried(effort.hurry)
        if cell.quick:
            ensemble = ensemble.thinned(QUICK_EVERY)
        if pair is None:
            pair = watched(case, ensemble)
            names = layer_names(ensemble.students)
        began = time.monotonic()
        outcome = train(ensemble, effort.replicas, seed + number, show)
        apart, error = jackknife(partial(_apart, pair), outcome.late)
        error = float(np.hypot(error, ACCURACY))
        readings.append(
            Reading(
                small=small,
                lr=ensemble.lr,
                steps=int(outcome.steps[-1]),
                replicas=effort.replicas,
                lost=outcome.lost,
                seed=seed + number,
                value=apart,
                error=error,
                seconds=time.monotonic() - began,
            )
        )
    assert pair is not None  # an effort has at least one value
    return compare(
        cell.curve,
        cell.problem,
        cell.value,
        pair=(names[pair[0]], names[pair[1]]),
        predicted=float(case.predicted[pair]),
        readings=tuple(readings),
        effort=effort,
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
    curve: Curve[Case],
    problem: int,
    value: float,
    *,
    pair: tuple[str, str],
    predicted: float,
    readings: tuple[Reading, ...],
    effort: Effort,
    silent: str | None = None,
) -> Point:
    """Extrapolate the readings, as far as their number allows, and compare with the prediction."""
    fit = fit_powers(
        [r.small for r in readings],
        [r.value for r in readings],
        [r.error for r in readings],
        powers_at(effort.powers, predicted)[: len(readings)],
    )
    return Point.compared(
        curve=curve.name,
        problem=problem,
        value=value,
        pair=pair,
        predicted=predicted,
        measured=1.0 - fit.coefficients[0],
        error=fit.errors[0],
        dof=min(r.replicas - r.lost for r in readings) - 1,
        allowed=effort.allowed(1.0 - predicted),
        judged=silent is None and curve.holds[0] <= value <= curve.holds[1],
        silent=silent,
        fit_p=fit.p_value,
        readings=readings,
    )


def _apart(pair: tuple[int, int], mean: Array) -> float:
    return misalignment(mean[pair[0]], mean[pair[1]])
