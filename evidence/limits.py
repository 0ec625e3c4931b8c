"""Sweeps over learning rates, reduced to misalignments of mean kernels and their limits.

Shared by the experiments that ask where SGD ends; each of them states its sweep and its fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evidence.outcome import Outcome, Point, Quantity, say
from evidence.simulate import RunRecord, Sweep, late_kernels
from methexis.core.checks import Array
from methexis.core.linalg import sqrt_psd
from methexis.scenarios.breaking.case import POWERS
from methexis.scenarios.framework import mean_kernels as measures
from methexis.scenarios.framework.limit import apart_of, distance
from methexis.scenarios.framework.mean_kernels import (
    alignments,
    kernels_of,
    layer_names,
    misalignment,
)
from methexis.scenarios.framework.simulation import worst_at_start
from methexis.scenarios.framework.statistics import jackknife
from methexis.theory.fixed_points.drift import drift_fixed_point
from methexis.theory.platonic import platonic_of


def sweep_kernels(sweep: Sweep) -> tuple[list[Array], list[RunRecord]]:
    """Late kernels at every learning rate of a sweep."""
    kernels, runs = [], []
    for number, lr in enumerate(sweep.lrs):
        found, record = late_kernels(sweep, number)
        kernels.append(found)
        runs.append(record)
        mean = found.mean(axis=0)
        worst = apart_of(mean[list(worst_pair(mean))])
        say(
            f"  {sweep.problem}: lr {lr:g}, {record.steps:,} steps, {record.wall_seconds:.0f} s, "
            f"1 - A of the worst pair {worst:.2e}"
        )
    return kernels, runs


def worst_pair(mean: Array) -> tuple[int, int]:
    """The pair of layers whose kernels ``(layer, n, n)`` are least aligned."""
    return measures.worst_pair(alignments(list(mean)))


def platonic_limit(sweep: Sweep, powers: tuple[int, ...] = POWERS) -> Outcome:
    """``1 - A`` of two layers that are predicted to share one kernel, so that it is 0.

    They are the layers of two students that are least aligned where the runs start.
    """
    kernels, runs = sweep_kernels(sweep)
    universal = universal_kernels(sweep)
    a, b = worst_at_start(sweep.ensemble(0, np.ones(1)))
    names = layer_names(sweep.students)
    name = f"1 - A of the pair that is worst at the start, {names[a]} and {names[b]}"
    pair = [k[:, [a, b]] for k in kernels]
    return Outcome((_quantity(name, sweep, pair, universal[[a, b]], powers),), tuple(runs))


def _quantity(
    name: str,
    sweep: Sweep,
    kernels: list[Array],
    predicted: Array,
    powers: tuple[int, ...] = POWERS,
) -> Quantity:
    """``1 - A`` of two kernels, at every rate and in the limit."""
    found = [jackknife(apart_of, one) for one in kernels]
    points = tuple(Point(lr, *one) for lr, one in zip(sweep.lrs, found, strict=True))
    limit = distance(sweep.lrs, kernels, powers[: len(kernels)], predicted)
    return Quantity(name, misalignment(*predicted), points, powers, limit.replicas, limit)


def predicted_kernels(sweep: Sweep, ends: Sequence[Sequence[Array]]) -> Array:
    """Kernels ``(layer, n, n)`` at given weights of every student."""
    kernels: list[Array] = []
    for problem, weights in zip(sweep.problems, ends, strict=True):
        kernels += kernels_of(problem, list(weights))
    return np.stack(kernels)


def universal_kernels(sweep: Sweep) -> Array:
    """The universal kernel in the same basis and scale, once per layer ``(layer, n, n)``."""
    kernels = []
    for problem in sweep.problems:
        root = sqrt_psd(problem.cov_x)
        kernel = root @ platonic_of(problem).kernel @ root
        kernels += [kernel / np.trace(kernel)] * (problem.depth - 1)
    return np.stack(kernels)


def offsets(sweep: Sweep, *, layers: bool) -> Outcome:
    """``1 - A`` against its value at the fixed point of the slow drift, where runs do not start.

    The pair is the worst at the predicted fixed point. With ``layers``, also the offset of each
    layer from the universal kernel.
    """
    ends = [drift_fixed_point(sweep.source, s).weights for s in sweep.students]
    predicted, universal = predicted_kernels(sweep, ends), universal_kernels(sweep)
    names = layer_names(sweep.students)
    a, b = worst_pair(predicted)
    kernels, runs = sweep_kernels(sweep)
    quantities = [
        _quantity(
            f"{sweep.problem}: 1 - A of the worst pair, {names[a]} and {names[b]}",
            sweep,
            [k[:, [a, b]] for k in kernels],
            predicted[[a, b]],
        )
    ]
    for i, name in enumerate(names if layers else []):
        goal = np.stack([predicted[i], universal[i]])
        beside = [
            np.stack([k[:, i], np.broadcast_to(universal[i], k[:, i].shape)], axis=1)
            for k in kernels
        ]
        told = f"{sweep.problem}: 1 - A of {name} to the universal kernel"
        quantities.append(_quantity(told, sweep, beside, goal))
    return Outcome(tuple(quantities), tuple(runs))


def merged(*outcomes: Outcome) -> Outcome:
    """One outcome of several sweeps."""
    return Outcome(
        tuple(q for o in outcomes for q in o.quantities), tuple(r for o in outcomes for r in o.runs)
    )
