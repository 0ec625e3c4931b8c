"""Sweeps over learning rates, reduced to misalignments of mean kernels.

Shared by the experiments that ask where SGD ends; each of them states its sweep and its fit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from evidence.outcome import Outcome, Point, Quantity, say
from evidence.simulate import RunRecord, Sweep, late_kernels
from methexis.core.checks import Array
from methexis.core.linalg import sqrt_psd
from methexis.scenarios.breaking.case import NO_OFFSET, OFFSET
from methexis.scenarios.framework import mean_kernels as measures
from methexis.scenarios.framework.mean_kernels import (
    alignments,
    kernels_of,
    layer_names,
    misalignment,
)
from methexis.scenarios.framework.statistics import jackknife
from methexis.theory.platonic import platonic_of

Statistic = Callable[[Array], float]


def sweep_kernels(sweep: Sweep) -> tuple[list[Array], list[RunRecord]]:
    """Late kernels at every learning rate of a sweep."""
    kernels, runs = [], []
    for number, lr in enumerate(sweep.lrs):
        found, record = late_kernels(sweep, number)
        kernels.append(found)
        runs.append(record)
        mean = found.mean(axis=0)
        worst = _of_pair(worst_pair(mean), mean)
        say(
            f"  {sweep.problem}: lr {lr:g}, {record.steps:,} steps, {record.wall_seconds:.0f} s, "
            f"1 - A of the worst pair {worst:.2e}"
        )
    return kernels, runs


def worst_pair(mean: Array) -> tuple[int, int]:
    """The pair of layers whose kernels ``(layer, n, n)`` are least aligned."""
    return measures.worst_pair(alignments(mean))


def _of_pair(pair: tuple[int, int], mean: Array) -> float:
    return misalignment(mean[pair[0]], mean[pair[1]])


def _to_kernel(layer: int, kernel: Array, mean: Array) -> float:
    return misalignment(mean[layer], kernel)


def platonic_limit(sweep: Sweep) -> Outcome:
    """The worst pair of mean kernels; prediction 1, that is ``1 - A = 0``.

    The pair is the worst of the mean over all replicas, at each learning rate.
    """
    kernels, runs = sweep_kernels(sweep)
    points = []
    for lr, samples in zip(sweep.lrs, kernels, strict=True):
        pair = worst_pair(samples.mean(axis=0))
        value, error = jackknife(partial(_of_pair, pair), samples)
        points.append(Point(lr, 1.0 - value, error))
    quantity = Quantity(
        "alignment of the worst pair", 1.0, tuple(points), NO_OFFSET, min(sweep.replicas)
    )
    return Outcome((quantity,), tuple(runs))


def predicted_kernels(sweep: Sweep) -> Array:
    """Kernels ``(layer, n, n)`` at the sweep's starting weights, the drift's fixed point."""
    assert not callable(sweep.start)
    kernels: list[Array] = []
    for problem, weights in zip(sweep.problems, sweep.start, strict=True):
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
    """``1 - A`` against its value at the fixed point of the slow drift.

    The worst pair is the worst at the predicted fixed point, the same at every learning rate. With
    ``layers``, also the offset of each layer from the universal kernel.
    """
    predicted, universal = predicted_kernels(sweep), universal_kernels(sweep)
    names = layer_names(sweep.students)
    a, b = worst_pair(predicted)
    statistics: dict[str, Statistic] = {
        f"1 - A of the worst pair, {names[a]} and {names[b]}": partial(_of_pair, (a, b))
    }
    if layers:
        for i, name in enumerate(names):
            statistics[f"1 - A of {name} to the universal kernel"] = partial(
                _to_kernel, i, universal[i]
            )
    kernels, runs = sweep_kernels(sweep)
    quantities = []
    for name, statistic in statistics.items():
        points = tuple(
            Point(lr, *jackknife(statistic, samples))
            for lr, samples in zip(sweep.lrs, kernels, strict=True)
        )
        quantities.append(
            Quantity(
                f"{sweep.problem}: {name}",
                statistic(predicted),
                points,
                OFFSET,
                min(sweep.replicas),
            )
        )
    return Outcome(tuple(quantities), tuple(runs))


def merged(*outcomes: Outcome) -> Outcome:
    """One outcome of several sweeps."""
    return Outcome(
        tuple(q for o in outcomes for q in o.quantities), tuple(r for o in outcomes for r in o.runs)
    )
