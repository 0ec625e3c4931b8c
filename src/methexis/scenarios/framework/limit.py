"""The limit of mean kernels as the small parameter vanishes, and how far two of them are apart.

*Extrapolation.* Mean kernels have an expansion ``K(ε) = K₀ + K₁ ε + K₂ ε² + …`` in the small
parameter. Their limit is taken of the kernels themselves, entry by entry, and ``1 - A`` is that of
the limits: at each ε it is the square of such a series, with twice as many powers. The kernel of a
replica fluctuates by an amount of order ε, so least squares weigh values of ε by ``1/ε²``. These
weights are known before any run, and the limit is a linear combination of means whose coefficients
owe nothing to chance.

*Errors.* Ensembles at different ε are independent, and equally large: the r-th replicas of all of
them make one sample of the limit, and these samples are independent and alike (Scheffé 1943). Write
``u = K/‖K‖`` for the kernels that theory names for two layers, and ``Δ`` for the difference of what
the measured ones deviate from them, over ``‖K‖`` and along the sphere. To second order

    1 - A = ½ ‖u - u' + Δ‖²,    variance = (u - u')ᵀ C (u - u') + ½ Tr C²

with the covariance ``C`` of the mean of ``Δ``: the error belongs to the prediction, and owes
nothing to the measured value. Without a prediction it is the jackknife's.

*Near perfect alignment* the first term is small, and ``1 - A`` is no normal number; but ``Δ`` is.
Below `RESOLVED` it is asked by Hotelling's ``T²`` whether ``Δ`` is 0. Its probability makes a
normal number as well, negative where ``Δ`` is larger than by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.stats

from methexis.core.checks import Array
from methexis.scenarios.framework.mean_kernels import misalignment
from methexis.scenarios.framework.statistics import beyond, combination, jackknife, normal_score

#: Predicted ``1 - A`` from which the measured one is a normal number about it.
RESOLVED = 1e-4
#: Spread of samples along a direction, relative to the largest, below which there is none.
_NO_SPREAD = 1e-7


@dataclass(frozen=True, eq=False)
class Expansion:
    """Combinations of means at some values of the small parameter, of which errors are as ε."""

    #: (K,) of the term of power 0, and of the next power; the latter 0 where there is none.
    limit: Array
    slope: Array
    #: (K - m, K): what m powers leave over, of one variance and uncorrelated.
    spare: Array

    @classmethod
    def of(cls, small: Sequence[float], powers: Sequence[int]) -> Expansion:
        """The combinations for K values and m ≤ K powers, the first of which is 0.

        Examples
        --------
        >>> made = Expansion.of([0.4, 0.2], (0, 1))
        >>> made.limit.round(12).tolist(), made.spare.shape
        ([-1.0, 2.0], (0, 2))
        """
        eps = np.asarray(small, dtype=np.float64)
        design = np.stack([(eps / eps.max()) ** p for p in powers], axis=1) / eps[:, None]
        spare = np.linalg.qr(design, mode="complete")[0][:, len(powers) :].T / eps
        slope = combination(small, powers, eps, power=powers[1]) if len(powers) > 1 else 0.0 * eps
        return cls(combination(small, powers, eps), slope, spare)


def combined(coefficients: Array, kernels: Sequence[Array]) -> Array:
    """``Σ_k c_k K_k`` of the r-th replicas of all ensembles, ``(replica, ...)``.

    There are as many as the smallest ensemble has.
    """
    count = min(len(one) for one in kernels)
    return np.asarray(sum(c * one[:count] for c, one in zip(coefficients, kernels, strict=True)))


@dataclass(frozen=True)
class Distance:
    """How far two mean kernels are apart in the limit, and how far from where theory has them."""

    value: float  # 1 - A
    error: float
    #: Predicted less measured ``1 - A`` as a normal number; NaN without a prediction.
    deviation: float
    fit_p: float  # probability of a misfit as large; 1 where nothing is left to fit
    replicas: int  # samples of the limit

    def against(self, goal: float, allowed: float = 0.0) -> float:
        """A predicted ``1 - A`` less the measured one, less what is allowed, as a normal number."""
        over = float(beyond(goal - self.value, allowed))
        return normal_score(over / self.error, self.replicas - 1)


def distance(
    small: Sequence[float],
    kernels: Sequence[Array],
    powers: Sequence[int],
    predicted: Array | None = None,
    accuracy: float = 0.0,
) -> Distance:
    """``1 - A`` of two layers' mean kernels in the limit of a vanishing small parameter.

    Parameters
    ----------
    small : sequence of K floats
        Values of the small parameter.
    kernels : sequence of K arrays ``(replica, 2, n, n)``
        Of the two layers, of unit trace.
    powers : sequence of ints
        Of the expansion of mean kernels; the first is 0.
    predicted : array ``(2, n, n)`` or None
        The kernels of unit trace that theory names.
    accuracy : float
        What computed values of ``1 - A`` may be off by; it adds to the error in squares.
    """
    made = Expansion.of(small, powers)
    samples = combined(made.limit, kernels)
    count = len(samples)
    value, error = jackknife(apart_of, samples)
    if predicted is None:
        return Distance(value, float(np.hypot(error, accuracy)), float("nan"), 1.0, count)
    goal = misalignment(predicted[0], predicted[1])
    off = _off(samples, predicted)
    gap = _flat(predicted[0] / np.linalg.norm(predicted[0]))
    gap = gap - _flat(predicted[1] / np.linalg.norm(predicted[1]))
    error = float(np.hypot(_error(off, gap), accuracy))
    along = gap
    if goal < RESOLVED:
        along = _off(combined(made.slope, kernels), predicted).mean(axis=0)
    left = [_off(combined(one, kernels), predicted) @ along for one in made.spare]
    moves = error > 2.0 * accuracy
    found = Distance(
        value,
        error,
        float("nan"),
        far_by_chance(np.stack(left, axis=1)) if left and moves else 1.0,
        count,
    )
    chance = far_by_chance(off) if moves and goal < RESOLVED else float("nan")
    if np.isfinite(chance):
        tiny = np.finfo(float).tiny
        return replace(found, deviation=float(scipy.stats.norm.ppf(max(chance, tiny))))
    return replace(found, deviation=found.against(goal))


def apart_of(mean: Array) -> float:
    """``1 - A`` of the two kernels of ``(2, n, n)``."""
    return misalignment(mean[0], mean[1])


def _off(kernels: Array, predicted: Array) -> Array:
    """``Δ`` of kernels ``(replica, 2, n, n)``, as vectors ``(replica, n²)``."""
    parts = []
    for layer in range(2):
        unit = _flat(predicted[layer] / np.linalg.norm(predicted[layer]))
        part = _flat(kernels[:, layer]) / np.linalg.norm(predicted[layer])
        parts.append(part - (part @ unit)[:, None] * unit)
    return np.asarray(parts[0] - parts[1])


def _flat(matrices: Array) -> Array:
    return np.asarray(matrices.reshape(*matrices.shape[:-2], -1))


def _error(off: Array, gap: Array) -> float:
    """Standard error of ``1 - A`` whose predicted kernels differ by ``gap``."""
    count = len(off)
    rest = off - off.mean(axis=0)
    covariance = rest.T @ rest / (count - 1) / count
    # Less what chance adds to the trace of a squared estimate.
    squared = np.sum(covariance**2) - np.trace(covariance) ** 2 / (count - 1)
    return float(np.sqrt(gap @ covariance @ gap + max(squared, 0.0) / 2.0))


def far_by_chance(samples: Array) -> float:
    """Probability that the mean of normal vectors ``(count, dim)`` of mean 0 is as far from it.

    By Hotelling's ``T²``, in the directions in which samples differ; NaN where there are no fewer
    of these than samples.
    """
    count = len(samples)
    mean = samples.mean(axis=0)
    rest = samples - mean
    _, spread, directions = np.linalg.svd(rest, full_matrices=False)
    kept = spread > _NO_SPREAD * spread[0]
    dim = int(np.sum(kept))
    if dim >= count - 1:
        return float("nan")
    scores = directions[kept] @ mean / spread[kept]  # of unit covariance, but for count (count - 1)
    f = (count - dim) * count * float(scores @ scores) / dim
    return float(scipy.stats.f.sf(f, dim, count - dim))
