"""Errors over replicas, and the extrapolation to learning rate zero.

*Jackknife.* A statistic of the mean kernel is not linear in it. Near perfect alignment ``1 - A``
is a quadratic form in the deviation, so the noise of the mean adds a positive bias of order ``1/R``
for ``R`` replicas. With the statistic ``s`` of all replicas and ``s_r`` of all but ``r``, the
jackknife removes that order, ``R s - (R - 1) mean(s_r)``, and estimates the variance as
``(R - 1)/R Σ (s_r - mean)²``. Replicas are independent; snapshots of one replica are not, and are
averaged first.

*Fit.* ``s(η) = Σ_p c_p η^p`` by weighted least squares over learning rates, whose runs have
separate seeds. The powers are fixed in each experiment's file with their reason. Errors are not
inflated when χ² is large; χ² and its p-value are printed so that a bad model shows.

*Deviations.* An error that is estimated from few replicas is itself uncertain: measured value less
prediction over it follows Student's t. `normal_score` turns that into the standard normal number of
the same probability, so that squares of several of them add to a χ².
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from methexis.core.checks import Array

CONFIDENCE = 0.95


def jackknife(statistic: Callable[[Array], float], samples: Array) -> tuple[float, float]:
    """Bias-corrected value and standard error of ``statistic(mean of samples)``.

    ``samples`` has shape ``(replicas, ...)``; the statistic takes one mean of shape ``(...)``.
    """
    count = len(samples)
    total = samples.sum(axis=0)
    left_out = np.array([statistic((total - one) / (count - 1)) for one in samples])
    value = count * statistic(total / count) - (count - 1) * left_out.mean()
    error = np.sqrt((count - 1) / count * np.sum((left_out - left_out.mean()) ** 2))
    return float(value), float(error)


@dataclass(frozen=True)
class Fit:
    """A weighted fit of powers of the learning rate."""

    powers: tuple[int, ...]
    #: Per power, with standard errors.
    coefficients: tuple[float, ...]
    errors: tuple[float, ...]
    chi2: float
    dof: int  # points less coefficients; at 0 the p-value is 1 by convention
    p_value: float


def fit_powers(
    lrs: Sequence[float], values: Sequence[float], errors: Sequence[float], powers: tuple[int, ...]
) -> Fit:
    """Weighted least squares of ``Σ_p c_p η^p``."""
    eta = np.asarray(lrs, dtype=np.float64)
    weight = 1.0 / np.asarray(errors, dtype=np.float64)
    scale = eta.max()  # columns of similar size
    design = np.stack([(eta / scale) ** p for p in powers], axis=1) * weight[:, None]
    target = np.asarray(values, dtype=np.float64) * weight
    solution = np.linalg.lstsq(design, target, rcond=None)[0]
    covariance = np.linalg.inv(design.T @ design)
    unit = np.array([scale**p for p in powers])
    dof = len(eta) - len(powers)
    chi2 = float(np.sum((design @ solution - target) ** 2))
    return Fit(
        powers=powers,
        coefficients=tuple((solution / unit).tolist()),
        errors=tuple((np.sqrt(np.diag(covariance)) / unit).tolist()),
        chi2=chi2,
        dof=dof,
        p_value=float(scipy.stats.chi2.sf(chi2, dof)) if dof > 0 else 1.0,
    )


def combination(
    rates: Sequence[float], powers: Sequence[int], errors: Array, power: int = 0
) -> Array:
    """Weights with which values at some rates make one coefficient of a fit of powers.

    By least squares, for values of given standard errors; shape ``(num_rates,)``.

    Examples
    --------
    >>> combination([2.0, 1.0], (0, 1), np.ones(2)).round(12).tolist()
    [-1.0, 2.0]
    >>> combination([2.0, 1.0], (0, 1), np.ones(2), power=1).round(12).tolist()
    [1.0, -1.0]
    """
    eta = np.asarray(rates) / max(rates)
    design = np.stack([eta**p for p in powers], axis=1) / errors[:, None]
    row = np.linalg.pinv(design)[list(powers).index(power)]
    return np.asarray(row / errors / max(rates) ** power)


def half_width(error: float, *, replicas: int, quantities: int = 1) -> float:
    """Half of the interval that belongs to a standard error.

    Student's t with ``replicas - 1`` degrees of freedom, since the errors are estimated from that
    many replicas. With several quantities the intervals hold all at once (Bonferroni).
    """
    tail = (1.0 - CONFIDENCE) / 2.0 / quantities
    return float(error * scipy.stats.t.isf(tail, replicas - 1))


def normal_score(t: float, dof: float) -> float:
    """The standard normal number that is as improbable as Student's ``t``.

    Examples
    --------
    >>> round(normal_score(2.1314, dof=15), 3), round(normal_score(-2.1314, dof=15), 3)
    (1.96, -1.96)
    """
    return float(np.sign(t) * scipy.stats.norm.isf(scipy.stats.t.sf(abs(t), dof)))


def beyond(gap: Array | float, allowed: Array | float) -> Array:
    """What is left of a gap when as much is allowed for.

    Examples
    --------
    >>> beyond(np.array([-3.0, 0.5]), 1.0).tolist()
    [-2.0, 0.0]
    """
    return np.asarray(np.sign(gap) * np.maximum(np.abs(gap) - allowed, 0.0))
