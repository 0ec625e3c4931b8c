"""How one sample, and how two together, move a score that is a sum over pairs of samples.

Let a score be ``S = N / √(A B)`` with ``N = Σ_ij w_i w_j k_ij l_ij`` and ``A``, ``B`` the same of
``k`` with itself and of ``l``; entries are centred, and normalised so that ``A = B = 1`` where
all weights w are 1. Weights also move the centring, but what they add to ``k_ij`` depends on i or
on j alone, and sums to zero against ``l``. So, to second order in the weights,

    S(1 + ε) = S + Σ_i ψ_i ε_i + ½ Σ_ij g_ij ε_i ε_j + …,
    g_ij = 2 (k_ij l_ij - ½ S (k_ij² + l_ij²)),      ψ_i = Σ_j g_ij,

apart from products of the ``ψ``, and from what two samples do to the centring together, which is
smaller the more dimensions there are. (What `of_matrices` gives is the
score without a sample, to which ``ψ`` is the first order: few samples of very different sizes make
a ratio that is not linear in them.) ``Σ ψ²`` is the variance over
samples, with each interaction of two samples counted twice, because it stands in the ``ψ`` of both;
``Σ_{i<j} g_ij²`` is what has been counted too often (`inference.paired.joint` takes it away).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.measures.inputs.features import Namespace, Tensor, to_numpy


def of_matrices(one: Tensor, other: Tensor, score: float, xp: Namespace) -> Array:
    """First order: ``ψ`` of two such matrices, ``(num_samples,)``; they sum to zero."""

    def along(a: Tensor, b: Tensor) -> tuple[Array, Array]:
        diagonal = xp.linalg.diagonal(a) * xp.linalg.diagonal(b)
        return to_numpy(xp.sum(a * b, axis=1)), to_numpy(diagonal)

    return without_each(score, along(one, other), along(one, one), along(other, other))


def between(one: Tensor, other: Tensor, score: float, samples: NDArray[np.int64]) -> Array:
    """Second order: rows of ``g`` for some samples, ``(num_chosen, num_samples)``."""
    a, b = (np.asarray(to_numpy(matrix[samples]), dtype=np.float64) for matrix in (one, other))
    interactions = 2.0 * (a * b - 0.5 * score * (a * a + b * b))
    interactions[np.arange(len(samples)), samples] = 0.0  # of a sample with itself
    return np.asarray(interactions)


def without_each(
    score: float,
    both: tuple[Array, Array],
    own_a: tuple[Array, Array],
    own_b: tuple[Array, Array],
) -> Array:
    """``ψ`` from the scores without each sample.

    Of the products of both sides, and of either with itself, it takes sums along the rows and the
    diagonal.
    """
    n = len(both[0])
    part = n / (n - 1)  # what the mean of the others moves by

    def left(sums: Array, diagonal: Array) -> Array:
        return np.asarray(2.0 * part * sums - part**2 * diagonal, dtype=np.float64)

    norms = (1.0 - left(*own_a)) * (1.0 - left(*own_b))
    scores = (score - left(*both)) / np.sqrt(np.maximum(norms, np.finfo(np.float64).tiny))
    return np.asarray((np.mean(scores) - scores) / part)
