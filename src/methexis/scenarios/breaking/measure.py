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
from methexis.scenarios.breaking.scenario import PERFECT, Case, Curve, Effort
from methexis.scenarios.framework.ensembles import Ensemble
from methexis.scenarios.framework.mean_kernels import (
    alignments,
    joint_kernels,
    layer_names,
    misalignment,
    worst_pair,
)
from methexis.scenarios.framework.statistics import fit_powers, half_width, jackknife, normal_score

#: What projections, fixed points and integrated paths may be off by, in ``1 - A``; without noise
#: replicas are all alike, and it is all the error there is.
ACCURACY = 1e-8
#: A quick run looks at every second snapshot: still three in two slowest relaxation times, and
#: projecting snapshots is most of its work.
QUICK_EVERY = 2


@dataclass(frozen=True)
class Reading:
    """An ensemble at one value of the small parameter.

    Attributes
    ----------
    small, lr : float
        Small parameter, learning rate.
    steps, replicas, lost, seed : int
    value, error : float
        ``1 - A`` of the watched pair of mean kernels, and its standard error over replicas.
    seconds : float
    """

    small: float
    lr: float
    steps: int
    replicas: int
    lost: int
    seed: int
    value: float
    error: float
    seconds: float


@dataclass(frozen=True)
class Point:
    """Prediction and measurement of one case.

    Attributes
    ----------
    curve : str
    problem : int
    value : float
        Of the dial.
    pair : tuple of str
        The watched layers.
    predicted, measured : float
        Alignment of the pair.
    error, half : float
        Standard error of the measured value, and half of its 95 % interval.
    allowed : float
        What a quick run allows for corrections that it does not extrapolate away; else 0.
    deviation : float
        Measured less predicted, less what is allowed, in standard deviations of a normal law.
    judged : bool
        Whether theory claims to hold here.
    fit_p : float
        p-value of the fit over the small parameter; 1 where nothing was left to test.
    readings : tuple of Reading
    """

    curve: str
    problem: int
    value: float
    pair: tuple[str, str]
    predicted: float
    measured: float
    error: float
    half: float
    allowed: float
    deviation: float
    judged: bool
    fit_p: float
    readings: tuple[Reading, ...]

    @property
    def gap(self) -> float:
        """Measured less predicted."""
        return self.measured - self.predicted


def measure(
    curve: Curve,
    case: Case,
    problem: int,
    value: float,
    *,
    seed: int,
    quick: bool,
    show: Progress | None = None,
) -> Point:
    """Train one case and compare; ``seed`` is that of the first ensemble."""
    effort = curve.quick if quick else curve.full
    pair: tuple[int, int] | None = None
    names: list[str] = []
    readings = []
    for number, small in enumerate(effort.small):
        ensemble = case.ensemble(small).hurried(effort.hurry)
        if quick:
            ensemble = ensemble.thinned(QUICK_EVERY)
        if pair is None:
            pair = watched(case, ensemble)
            names = layer_names(ensemble.students)
        began = time.monotonic()
        outcome = ensemble.train(effort.replicas, seed + number, show)
        found, error = jackknife(partial(_apart, pair), outcome.late)
        error = float(np.hypot(error, ACCURACY))
        readings.append(
            Reading(
                small=small,
                lr=ensemble.lr,
                steps=int(outcome.steps[-1]),
                replicas=effort.replicas,
                lost=outcome.lost,
                seed=seed + number,
                value=found,
                error=error,
                seconds=time.monotonic() - began,
            )
        )
    assert pair is not None  # an effort has at least one value
    return compare(
        curve,
        problem,
        value,
        pair=(names[pair[0]], names[pair[1]]),
        predicted=float(case.predicted[pair]),
        readings=tuple(readings),
        effort=effort,
    )


def watched(case: Case, ensemble: Ensemble) -> tuple[int, int]:
    """The pair that is predicted to be worst or, where none is, that is worst at the start.

    In the latter case of different students, as far as there are two.
    """
    pair = worst_pair(case.predicted, tie=ACCURACY)
    if case.predicted[pair] < PERFECT:
        return pair
    start = ensemble.plan(2, 0).start
    found = alignments(
        joint_kernels(
            ensemble.source,
            ensemble.students,
            ensemble.problems,
            [[w[0] for w in layers] for layers in start],
        )
    )
    owner = np.repeat(np.arange(len(ensemble.students)), [s.depth - 1 for s in ensemble.students])
    if len(ensemble.students) > 1:
        found = np.where(owner[:, None] == owner, np.inf, found)
    return worst_pair(found, tie=ACCURACY)


def compare(
    curve: Curve,
    problem: int,
    value: float,
    *,
    pair: tuple[str, str],
    predicted: float,
    readings: tuple[Reading, ...],
    effort: Effort,
) -> Point:
    """Extrapolate the readings, as far as their number allows, and compare with the prediction."""
    fit = fit_powers(
        [r.small for r in readings],
        [r.value for r in readings],
        [r.error for r in readings],
        curve.powers_at(predicted)[: len(readings)],
    )
    measured, error = 1.0 - fit.coefficients[0], fit.errors[0]
    dof = min(r.replicas - r.lost for r in readings) - 1
    allowed = effort.relative * (1.0 - predicted) + effort.absolute
    gap = measured - predicted
    rest = float(np.sign(gap)) * max(abs(gap) - allowed, 0.0)
    return Point(
        curve=curve.name,
        problem=problem,
        value=value,
        pair=pair,
        predicted=predicted,
        measured=measured,
        error=error,
        half=half_width(error, replicas=dof + 1),
        allowed=allowed,
        deviation=normal_score(rest / error, dof),
        judged=curve.holds[0] <= value <= curve.holds[1],
        fit_p=fit.p_value,
        readings=readings,
    )


def _apart(pair: tuple[int, int], mean: Array) -> float:
    return misalignment(mean[pair[0]], mean[pair[1]])
