"""What is measured and predicted: curvature of every student, and alignment where there are two.

Trace and largest eigenvalue are those of the minima that SGD hovers over: weights are projected
first. Batch sharpness is taken at the weights themselves, from fresh samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from methexis.core.checks import Array
from methexis.core.layers.products import (
    predictor,
    predictor_differential,
    pullback,
    pullback_differential,
)
from methexis.core.linalg import sqrt_psd
from methexis.core.problem import Problem
from methexis.core.teacher import Teacher
from methexis.scenarios.sharpening.case import ALIGNMENT, BATCH, TOP, TRACE, Case
from methexis.scenarios.verify.prediction import worst_pairs
from methexis.theory.batch_sharpness import batch_sharpness_of
from methexis.theory.curvature import minimum_spectrum, trace_of
from methexis.theory.flow import integrate_slow

#: Relative tolerance of the slow integrator.
_RTOL = 1e-7


def predicted(case: Case, times: Sequence[float]) -> dict[str, Array]:
    """Quantities along the slow dynamics, ``(time, student)``; alignment ``(time, 1)``."""
    teacher = case.teacher()
    students = case.students(teacher)
    starts = case.start(teacher, students)
    problems = [Problem.of(teacher, s) for s in students]
    paths = [
        integrate_slow(p, w, np.asarray(times), partial(case.training.velocity, p), rtol=_RTOL)
        for p, w in zip(problems, starts, strict=True)
    ]
    quantities = on_minima(problems, [path.weights for path in paths])
    if case.training.batch_sharpness:
        batch = case.training.batch
        values = [
            batch_sharpness_of(p, path.weights, batch)
            for p, path in zip(problems, paths, strict=True)
        ]
        quantities[BATCH] = np.stack(values, axis=-1)
    return quantities


def on_minima(problems: Sequence[Problem], weights: Sequence[list[Array]]) -> dict[str, Array]:
    """Trace and largest eigenvalue ``(..., student)``, and alignment ``(..., 1)`` of two or more.

    Alignment is that of the least aligned two hidden layers.
    """
    pairs = list(zip(problems, weights, strict=True))
    quantities = {
        TRACE: np.stack([trace_of(p, w) for p, w in pairs], axis=-1),
        TOP: np.stack([minimum_spectrum(p, w)[..., -1] for p, w in pairs], axis=-1),
    }
    if len(pairs) > 1:
        quantities[ALIGNMENT] = worst_pairs(problems, weights)[..., None]
    return quantities


def sampled_batch_sharpness(
    teacher: Teacher,
    problem: Problem,
    weights: Sequence[Array],
    *,
    batch: int,
    num_batches: int,
    generator: np.random.Generator,
) -> tuple[Array, Array]:
    """Means of ``∇L_Bᵀ ∇²L_B ∇L_B`` and of ``‖∇L_B‖²`` over batches, at any weights ``(...)``.

    The problem's labels and inputs are the teacher's: no view of private features.
    """
    shape = (*weights[0].shape[:-2], num_batches, batch)
    x = generator.standard_normal((*shape, teacher.dim_x)) @ sqrt_psd(teacher.cov_x)
    noise = generator.standard_normal((*shape, teacher.dim_y)) @ sqrt_psd(teacher.cov_noise)
    spread = [w[..., None, :, :] for w in weights]
    gap = predictor(problem, spread) - problem.target
    residual = x @ gap.mT - noise @ problem.label_map.T
    # Means over a batch: its loss depends on F through these two matrices alone.
    moment = 2.0 * residual.mT @ x / batch
    inputs = 2.0 * x.mT @ x / batch
    gradient = pullback(problem, spread, moment)
    moved = predictor_differential(problem, spread, gradient)
    second = pullback_differential(problem, spread, gradient, moment)
    curved = np.sum((moved @ inputs) * moved, axis=(-2, -1))
    size = np.zeros_like(curved)
    for g, s in zip(gradient, second, strict=True):
        curved = curved + np.sum(g * s, axis=(-2, -1))
        size = size + np.sum(g * g, axis=(-2, -1))
    return curved.mean(axis=-1), size.mean(axis=-1)
