"""Estimators of HSIC as they are defined, sample by sample; slow, and with nothing of ours."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.metrics.pairwise import rbf_kernel

from methexis.core.checks import Array

#: Formulas over at most 7^4 terms of order one agree to rounding.
CLOSE = {"rel": 1e-10, "abs": 1e-12}


def rbf(x: Array, bandwidth: float) -> Array:
    found: Array = rbf_kernel(x, gamma=1.0 / (2.0 * (bandwidth * np.median(pdist(x))) ** 2))
    return found


def song_by_quadruples(k: Array, l: Array, w: Array | None = None) -> float:  # noqa: E741
    """The U-statistic as it is defined, sample by sample, with weights."""
    w = np.ones(len(k)) if w is None else w
    total = weight = 0.0
    for i, j, q, r in itertools.permutations(range(len(k)), 4):
        share = w[i] * w[j] * w[q] * w[r]
        total += share * k[i, j] * (l[i, j] + l[q, r] - 2.0 * l[i, q])
        weight += share
    return total / weight


def cosine(estimate: Any, k: Array, l: Array) -> float:  # noqa: E741
    return float(estimate(k, l) / math.sqrt(estimate(k, k) * estimate(l, l)))


def gretton(k: Array, l: Array) -> float:  # noqa: E741
    n = len(k)
    h = np.eye(n) - 1.0 / n
    return float(np.trace(k @ h @ l @ h)) / (n - 1) ** 2


def lange(k: Array, l: Array) -> float:  # noqa: E741
    """Twice the strictly lower triangles of H K H and H L H, over n(n-3)."""
    n = len(k)
    h = np.eye(n) - 1.0 / n
    return 2.0 * float(np.sum(np.tril(h @ k @ h, -1) * np.tril(h @ l @ h, -1))) / (n * (n - 3))
