"""Kernels of hidden layers, free of SGD's fluctuations, and how far two of them agree.

A kernel is that of the whitened joint input, ``Σ^{1/2} HᵀH Σ^{1/2}``, scaled to unit trace. Those
of a run are taken of weights on the minima (`simulation.projected`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.joint import joint_inputs
from methexis.core.layers.products import hidden_maps
from methexis.core.linalg import sqrt_psd
from methexis.core.mlp import MLP
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher


def kernels_of(problem: Problem, weights: Sequence[Array]) -> list[Array]:
    """Whitened kernels of unit trace of one student's hidden layers, ``(..., n, n)`` each."""
    root = sqrt_psd(problem.cov_x)
    return [_unit_trace(h @ root) for h in hidden_maps(problem, weights)]


def joint_kernels(
    source: Teacher | Samples,
    students: Sequence[EDLN | MLP],
    problems: Sequence[Problem],
    weights: Sequence[Sequence[Array]],
) -> list[Array]:
    """Kernels of all students' layers over their joint input, private features included."""
    moment, places = joint_inputs(source, students)
    root = sqrt_psd(moment)
    kernels = []
    for problem, own, layers in zip(problems, places, weights, strict=True):
        for h in hidden_maps(problem, layers):
            kernels.append(_unit_trace(h @ root[own]))
    return kernels


def _unit_trace(white: Array) -> Array:
    kernel = white.mT @ white
    return np.asarray(kernel / np.trace(kernel, axis1=-2, axis2=-1)[..., None, None])


def misalignment(kernel_a: Array, kernel_b: Array) -> float:
    """One less the cosine of two kernels, without cancellation.

    For unit vectors ``1 - a·b = ‖a - b‖²/2``.
    """
    a, b = kernel_a / np.linalg.norm(kernel_a), kernel_b / np.linalg.norm(kernel_b)
    return float(np.sum((a - b) ** 2) / 2.0)


def alignments(kernels: Sequence[Array]) -> Array:
    """Alignment of every pair of kernels, ``(layer, layer)``."""
    return np.array([[1.0 - misalignment(a, b) for b in kernels] for a in kernels])


def worst_pair(alignment: Array, tie: float = 0.0) -> tuple[int, int]:
    """The least aligned two layers of a matrix ``(layer, layer)``; the first of equals.

    Pairs within ``tie`` of the least count as equal to it: where theory gives two layers one
    kernel, rounding is not to choose between them.

    Examples
    --------
    >>> matrix = np.array([[1.0, 0.5, 0.5 - 1e-16], [0.5, 1.0, 1.0], [0.5 - 1e-16, 1.0, 1.0]])
    >>> worst_pair(matrix), worst_pair(matrix, tie=1e-8)
    ((0, 2), (0, 1))
    """
    pairs = list(itertools.combinations(range(len(alignment)), 2))
    least = min(alignment[pair] for pair in pairs)
    return next(pair for pair in pairs if alignment[pair] <= least + tie)


def layer_names(students: Sequence[EDLN | MLP]) -> list[str]:
    """Hidden layers as ``D2/h1``: the student's depth and the layer.

    Students of equal depth are told apart by a letter: ``D2a/h1``, ``D2b/h1``.
    """
    depths = [s.depth for s in students]
    names = []
    for k, depth in enumerate(depths):
        letter = chr(ord("a") + depths[:k].count(depth)) if depths.count(depth) > 1 else ""
        names += [f"D{depth}{letter}/h{i}" for i in range(1, depth)]
    return names
