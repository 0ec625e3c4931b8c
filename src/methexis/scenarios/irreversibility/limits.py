"""The limit ``η -> 0`` of means over replicas, and how far it is from a prediction.

The mean over replicas of what does not return, divided by ``η``, is a vector. It is extrapolated by
a weighted fit of powers, the same for all its components, so that the limit is a fixed linear
combination of means and has a covariance matrix. Its deviation from the prediction is made into
independent standard normal numbers by the Cholesky factor of that matrix, in a basis that begins
with the directions which the theory names; what is left of its length is one number for all other
directions, where nothing is predicted. As the matrix is estimated, that number follows Hotelling's
law, and is turned into the χ² of the same probability.

Where nothing is random the error is what the last power of the fit changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.stats

from methexis.core.checks import Array
from methexis.scenarios.framework.statistics import beyond, combination, half_width, normal_score


@dataclass(frozen=True, eq=False)
class Limit:
    """Means over replicas at ``η = 0``, their covariance, and its degrees of freedom."""

    mean: Array  # (n,)
    covariance: Array  # (n, n)
    dof: float  # infinite where nothing is random
    weights: Array  # (num_rates,): of the means at the learning rates, in the limit

    def error(self, i: int) -> float:
        """Standard error of a component."""
        return float(np.sqrt(self.covariance[i, i]))

    def half(self, i: int) -> float:
        """Half of its 95 % interval; where nothing is random, the error."""
        if not np.isfinite(self.dof):
            return self.error(i)
        return half_width(self.error(i), replicas=int(self.dof) + 1)


def spread(values: Array) -> float:
    """Standard error of a mean; 0 for a single value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def extrapolated(
    rates: Sequence[float], samples: Sequence[Array], powers: tuple[int, ...], rounding: Array
) -> Limit:
    """Limit of the means: the same weights for all components.

    Parameters
    ----------
    rates : sequence of float
        Learning rates.
    samples : sequence of arrays (replica, n)
        Displacements over ``η``; of one replica if nothing is random.
    powers : tuple of int
        Powers of the fit; no more are used than there are rates.
    rounding : array (num_rates,)
        Error by rounding of every number in `samples`, added to the errors that are seen in them.
    """
    replicas, size = samples[0].shape
    means = np.stack([f.mean(axis=0) for f in samples])
    powers = powers[: len(rates)]
    if replicas == 1:
        weights = combination(rates, powers, np.ones(len(rates)))
        fewer = combination(rates, powers[:-1], np.ones(len(rates)))
        error = np.abs((weights - fewer) @ means) + np.abs(weights) @ rounding
        return Limit(weights @ means, np.diag(error**2), np.inf, weights)
    covariances = np.stack([np.cov(f, rowvar=False) / replicas for f in samples])
    covariances += rounding[:, None, None] ** 2 * np.eye(size)
    sizes = np.sqrt(np.trace(covariances, axis1=1, axis2=2))
    weights = combination(rates, powers, sizes)
    parts = weights**2 * sizes**2
    return Limit(
        weights @ means,
        np.tensordot(weights**2, covariances, 1),
        float(parts.sum() ** 2 / np.sum(parts**2) * (replicas - 1)),
        weights,
    )


def scores(
    limit: Limit, target: Array, named: int, allowed: Array
) -> tuple[list[float], tuple[float, int]]:
    """Independent normal numbers of the named directions; χ² of all others, and their number.

    With ``z`` the deviation in the Cholesky factor's basis, ``ν`` degrees of freedom of the
    covariance and ``t² = z_1² + … + z_k²``, Rao's decomposition of Hotelling's law is, as if the
    limit's covariance were that of one sample,

    ``(ν - p + 1)/(p - k) (z_{k+1}² + … + z_p²)/(ν + t²) ~ F(p - k, ν - p + 1)``.

    Parameters
    ----------
    limit : Limit
    target : array (n,)
        Prediction.
    named : int
        How many directions come first.
    allowed : array (named,)
        How much each component may be off.
    """
    gap = limit.mean - target
    gap[:named] = beyond(gap[:named], allowed)
    factor = np.linalg.cholesky(limit.covariance)
    z = scipy.linalg.solve_triangular(factor, gap, lower=True)
    if not np.isfinite(limit.dof):
        return z[:named].tolist(), (0.0, 0)
    before = np.concatenate([[0.0], np.cumsum(z**2)])
    dof = limit.dof
    single = [
        normal_score(float(z[k] * np.sqrt((dof - k) / (dof + before[k]))), dof - k)
        for k in range(named)
    ]
    count, left = len(z) - named, dof - len(z) + 1.0
    ratio = left / count * (before[-1] - before[named]) / (dof + before[named])
    tail = scipy.stats.f.sf(ratio, count, left)
    return single, (float(scipy.stats.chi2.isf(tail, count)), count)
