r"""A map between few directions without pairs: the rotation that makes two laws equal.

Two linear images of one law, both whitened, are rotations of each other. The rotation that takes
the third moments of one to those of the other, :math:`T_y = Q · T_x`, is sought from many random
rotations by repeated polar factors of :math:`⟨T_y, Q · T_x⟩`; where neither law is skewed, by
fourth cumulants likewise. It is then refined on the characteristic functions, which know all
moments: the residuals :math:`φ_x(fQ) − φ_y(f)` at many random frequencies are made small in squares
by Gauss–Newton steps in the generators of rotations.

A Gaussian law is the same under all rotations, and nothing but more moments would tell them apart,
which it has not: `gaussian` tests for that (Mardia's skewness and kurtosis).

References
----------
.. [1] K. V. Mardia, *Measures of multivariate skewness and kurtosis*, Biometrika 57 (1970).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import linalg, stats

from methexis.core.checks import Array

#: Random rotations from which moments are matched, and steps from each.
STARTS, _STEPS = 60, 60
#: How many of these are refined on characteristic functions.
_REFINED = 4
#: Rotations that differ by more in some entry are others.
_APART = 0.3
#: Gauss–Newton steps.
_NEWTON = 12
#: Spread of frequencies, in units of one over the standard deviation.
_SPREAD = 0.9
#: Most samples whose characteristic function is taken, and most frequencies.
_SAMPLES, _FREQUENCIES = 20_000, 3000


class Mardia(NamedTuple):
    """How probable the third, and the fourth, moments of a sample are if it is Gaussian."""

    skewness: float
    kurtosis: float

    @property
    def p_value(self) -> float:
        """The smaller of both, twice over, by Bonferroni."""
        return min(1.0, 2.0 * min(self))


def mardia(white: Array) -> Mardia:
    """Test whitened rows for a Gaussian law, by Mardia's skewness and kurtosis.

    Parameters
    ----------
    white : array (num_samples, r)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mardia(rng.exponential(size=(500, 2)) - 1.0).p_value < 1e-9
    True
    """
    count, r = white.shape
    skewness = float(np.sum(third(white) ** 2))
    degrees = r * (r + 1) * (r + 2) / 6
    kurtosis = float(np.mean(np.sum(white**2, axis=1) ** 2))
    apart = abs(kurtosis - r * (r + 2)) / np.sqrt(8 * r * (r + 2) / count)
    return Mardia(
        float(stats.chi2.sf(count * skewness / 6.0, degrees)), float(2.0 * stats.norm.sf(apart))
    )


def third(white: Array) -> Array:
    """The tensor of third moments, ``(r, r, r)``."""
    r = white.shape[1]
    squares = (white[:, :, None] * white[:, None, :]).reshape(len(white), r * r)
    return np.asarray((white.T @ squares).reshape(r, r, r) / len(white))


def fourth(white: Array) -> Array:
    """The tensor of fourth cumulants of white rows, ``(r, r, r, r)``."""
    r = white.shape[1]
    squares = (white[:, :, None] * white[:, None, :]).reshape(len(white), r * r)
    moments = (squares.T @ squares).reshape(r, r, r, r) / len(white)
    unit = np.eye(r)
    for indices in ("ab,cd->abcd", "ac,bd->abcd", "ad,bc->abcd"):
        moments = moments - np.einsum(indices, unit, unit)
    return np.asarray(moments)


class Ends(NamedTuple):
    """Maps that fit equally well as far as samples tell, the best first, with the gap of each."""

    maps: list[Array]
    gaps: list[float]


def matched(
    x: Array,
    y: Array,
    generator: np.random.Generator,
    starts: Sequence[Array] | None = None,
    lenience: float = 1.0,
) -> Ends:
    """The rotations under which two laws are most alike.

    Parameters
    ----------
    x, y : arrays (num_x, r), (num_y, r)
        Whitened rows.
    generator : Generator
        Of starts and frequencies.
    starts : sequence of array (r, r), optional
        From where to begin. By default those whose moments fit best, and their negatives.

    lenience : float
        By how much others may exceed the gap of the best, in units of what two samples of one law
        have by chance.

    Returns
    -------
    Ends
        ``x @ turn`` has the law of y. Beside the best there are all others, far from it, whose mean
        square difference of characteristic functions exceeds that of the best by no more.
    """
    if starts is None:
        starts = [sign * one for one in _starts(x, y, generator) for sign in (1.0, -1.0)]
    x, y = x[:_SAMPLES], y[:_SAMPLES]
    r = x.shape[1]
    count = min(3 * r * r + 100, _FREQUENCIES)
    frequencies = generator.standard_normal((count, r)) * _SPREAD
    target = np.mean(_waves(y, frequencies), axis=0)
    ends = sorted((_newton(x, one, frequencies, target) for one in starts), key=lambda one: one[1])
    chance = (1.0 / len(x) + 1.0 / len(y)) * float(np.mean(1.0 - np.abs(target) ** 2))
    allowed = ends[0][1] + lenience * chance
    kept: list[tuple[Array, float]] = []
    for turn, gap in ends:
        if gap <= allowed and all(np.abs(turn - other).max() > _APART for other, _ in kept):
            kept.append((turn, gap))
    return Ends([turn for turn, _ in kept], [gap for _, gap in kept])


def _starts(x: Array, y: Array, generator: np.random.Generator) -> list[Array]:
    """The rotations that match moments best, from random ones."""
    skewed = max(mardia(x).skewness, mardia(y).skewness) < 1e-3
    of_x, of_y = (third(one) if skewed else fourth(one) for one in (x, y))
    r = x.shape[1]
    ends: list[tuple[float, Array]] = []
    for _ in range(STARTS):
        turn = np.asarray(linalg.qr(generator.standard_normal((r, r)))[0], dtype=np.float64)
        for _ in range(_STEPS):
            left, _, right = np.linalg.svd(_gradient(of_x, of_y, turn))
            before, turn = turn, np.asarray(left @ right, dtype=np.float64)
            if np.abs(turn - before).max() < 1e-6:
                break
        score = float(np.sum(_gradient(of_x, of_y, turn) * turn))
        if all(np.abs(turn - other).max() > 1e-2 for _, other in ends):
            ends.append((score, turn))
    ends.sort(key=lambda one: -one[0])
    return [turn for _, turn in ends[:_REFINED]]


def _gradient(of_x: Array, of_y: Array, turn: Array) -> Array:
    """``⟨T_y, turn · T_x⟩`` without one of the turns: ``(r, r)``, x first."""
    r = len(turn)
    turned = of_x
    for _ in range(of_x.ndim - 1):  # turn all indices but the first, which stays in front
        turned = np.moveaxis(turned, 1, -1) @ turn
    return np.asarray(turned.reshape(r, -1) @ of_y.reshape(r, -1).T)


def symmetric(white: Array, generator: np.random.Generator) -> bool:
    """Whether no test tells a law from its negative, at a level of .01: by flips of signs."""
    white = white[:_SAMPLES]
    odd = np.sin(white @ (generator.standard_normal((100, white.shape[1])) * _SPREAD).T)
    flips = generator.choice([-1.0, 1.0], size=(199, len(white)))
    sizes = np.sum((flips @ odd) ** 2, axis=1)
    return bool(np.mean(sizes >= np.sum(odd.sum(axis=0) ** 2)) > 0.01)


def _waves(rows: Array, frequencies: Array) -> Array:
    return np.asarray(np.exp(1j * (rows @ frequencies.T)))


def _newton(x: Array, turn: Array, frequencies: Array, target: Array) -> tuple[Array, float]:
    """Gauss–Newton in the generators of rotations, damped where a step would not help."""
    r = len(turn)
    above = np.triu_indices(r, 1)
    damping, gap = 1e-3, np.inf
    residual, slopes = _residual(x, turn, frequencies, target)
    gap = float(np.mean(np.abs(residual) ** 2))
    for _ in range(_NEWTON):
        jacobian = np.concatenate([slopes.real, slopes.imag])
        wrong = np.concatenate([residual.real, residual.imag])
        normal = jacobian.T @ jacobian
        normal += damping * np.trace(normal) / max(len(normal), 1) * np.eye(len(normal))
        step = np.zeros((r, r))
        step[above] = -np.linalg.solve(normal, jacobian.T @ wrong)
        after = turn @ linalg.expm(step - step.T)
        again, steeper = _residual(x, after, frequencies, target)
        left = float(np.mean(np.abs(again) ** 2))
        if left >= gap:
            damping *= 10.0
            if damping > 10.0:
                break
            continue
        small = gap - left < 1e-4 * gap
        turn, gap, residual, slopes, damping = after, left, again, steeper, damping / 3.0
        if small:
            break
    return turn, gap


def _residual(x: Array, turn: Array, frequencies: Array, target: Array) -> tuple[Array, Array]:
    """``φ_x(f turnᵀ) − target``, and its slopes along ``turn → turn exp(A)``, for a < b of A."""
    turned = x @ turn
    waves = _waves(turned, frequencies)
    residual = waves.mean(axis=0) - target
    moments = 1j * (waves.T @ turned) / len(x)  # of z_a exp(i z·f)
    first, second = np.triu_indices(len(turn), 1)
    # z exp(A): z_b gains z_a A_ab, and z_a loses z_b A_ab
    slopes = moments[:, first] * frequencies[:, second] - moments[:, second] * frequencies[:, first]
    return residual, slopes
