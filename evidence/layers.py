"""Sweeps over learning rates, reduced to numbers of single layers rather than to kernels.

For experiments on what theory says of weights and gradients. A number is taken of every snapshot of
every replica, averaged over late time, and its error is that of the mean over replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from evidence.outcome import Point, Quantity
from evidence.simulate import RunRecord, Sweep, trained
from methexis.core.checks import Array
from methexis.core.layers.products import after, before
from methexis.core.problem import Problem
from methexis.scenarios.framework.simulation import projected
from methexis.scenarios.framework.statistics import jackknife

#: Numbers of one student's weights, ``(..., d_i, d_{i-1})`` each, by name: arrays ``(...)``.
Numbers = Callable[[Problem, Sequence[Array]], dict[str, Array]]
#: The powers of a number that fluctuates by order η about its end.
POWERS = (0, 1, 2)


def late_numbers(
    sweep: Sweep, number: int, numbers: Numbers, *, on_minima: bool
) -> tuple[list[dict[str, Array]], RunRecord]:
    """Train at ``sweep.lrs[number]``; numbers per student, ``(replica,)`` each, averaged over time.

    With ``on_minima`` weights are first projected onto the minima.
    """
    times = np.linspace(sweep.burn_in, sweep.slow_time, sweep.snapshots)
    weights, _, record = trained(sweep, number, times)
    averaged = []
    for problem, layers in zip(sweep.problems, weights, strict=True):
        taken = projected(problem, layers) if on_minima else layers
        averaged.append({k: v.mean(axis=0) for k, v in numbers(problem, taken).items()})
    return averaged, record


def quantities_of(
    sweep: Sweep,
    numbers: Numbers,
    ends: Sequence[Sequence[Array]],
    starts: Sequence[Sequence[Array]],
    *,
    on_minima: bool,
) -> tuple[list[Quantity], list[RunRecord]]:
    """Each number of each student, predicted at ``ends``, one set of weights per student.

    What a relative error is relative to is the prediction; where that is zero, the number at
    ``starts``, at which no run stays.
    """
    measured: list[list[dict[str, Array]]] = []
    runs = []
    for number in range(len(sweep.lrs)):
        averaged, record = late_numbers(sweep, number, numbers, on_minima=on_minima)
        measured.append(averaged)
        runs.append(record)
    quantities = []
    for k, (student, problem) in enumerate(zip(sweep.students, sweep.problems, strict=True)):
        predicted = {n: float(v) for n, v in numbers(problem, ends[k]).items()}
        begun = {n: float(v) for n, v in numbers(problem, starts[k]).items()}
        for name, value in predicted.items():
            points = tuple(
                Point(lr, *jackknife(float, at[k][name]))
                for lr, at in zip(sweep.lrs, measured, strict=True)
            )
            zero = abs(value) < 1e-9 * abs(begun[name])
            quantities.append(
                Quantity(
                    f"{sweep.problem}: D = {student.depth}, {name}",
                    0.0 if zero else value,
                    points,
                    POWERS,
                    min(sweep.replicas),
                    size=abs(begun[name] if zero else value),
                )
            )
    return quantities, runs


def spectra(problem: Problem, weights: Sequence[Array]) -> dict[str, Array]:
    """Squared norms of the layers, and how uneven their singular values are.

    Unevenness is ``1 - (Σσ)²/(r Σσ²)`` with the rank ``r`` of the teacher: zero for ``r`` equal
    singular values, and what a cosine of the spectrum and a flat one leaves.
    """
    rank = problem.rank
    norms, uneven = [], []
    for w in weights:
        s = np.linalg.svd(w, compute_uv=False)[..., :rank]
        norms.append(np.sum(w**2, axis=(-2, -1)))
        uneven.append(1.0 - np.sum(s, axis=-1) ** 2 / (rank * np.sum(s**2, axis=-1)))
    inner = range(1, len(weights) - 1)
    return {
        "mean ‖W‖² of interior layers": np.mean([norms[i] for i in inner], axis=0),
        "‖W‖² of the second layer over that of the last but one": norms[1] / norms[-2],
        "‖W‖² of the first layer": norms[0],
        "‖W‖² of the last layer": norms[-1],
        "unevenness of interior layers": np.mean([uneven[i] for i in inner], axis=0),
        "unevenness of the first layer": uneven[0],
        "unevenness of the last layer": uneven[-1],
    }


def moments(problem: Problem, weights: Sequence[Array]) -> list[tuple[Array, Array]]:
    """``E[h hᵀ]`` and ``E[g gᵀ]`` of each hidden layer, in its own neurons, at any weights.

    By (1.6): ``B Σx Bᵀ`` and ``4 Aᵀ (Σε + R_F Σx R_Fᵀ) A``.
    """
    lefts, rights = after(problem, weights), before(problem, weights)
    gap = lefts[0] @ weights[0] @ rights[0] - problem.target
    noise = problem.cov_noise + gap @ problem.cov_x @ gap.mT
    return [
        (b @ problem.cov_x @ b.mT, 4.0 * a.mT @ noise @ a)
        for a, b in zip(lefts[:-1], rights[1:], strict=True)
    ]


def proportion(problem: Problem, weights: Sequence[Array]) -> dict[str, Array]:
    """How far ``E[h hᵀ]`` and ``E[g gᵀ]`` are from proportional, and the ratio of their traces."""
    result = {}
    for i, (h, g) in enumerate(moments(problem, weights), start=1):
        sizes = [np.linalg.norm(m, axis=(-2, -1)) for m in (h, g)]
        cosine = np.sum(h * g, axis=(-2, -1)) / (sizes[0] * sizes[1])
        traces = [np.trace(m, axis1=-2, axis2=-1) for m in (h, g)]
        result[f"layer {i}, 1 - cosine of the two moments"] = 1.0 - cosine
        result[f"layer {i}, ratio of their traces"] = traces[0] / traces[1]
    return result
