r"""A map between few directions without pairs: the rotation that makes two laws equal.

Two linear images of one law, both whitened, are rotations of each other. The rotation that takes
the third moments of one to those of the other, :math:`T_y = Q · T_x`, is sought from many random
rotations by repeated polar factors of :math:`⟨T_y, Q · T_x⟩`; where neither law is skewed, by
fourth cumulants likewise. It is then refined on the characteristic functions, which know all
moments: the residuals :math:`φ_x(fQ) − φ_y(f)` at many random frequencies are made small in squares
by Gauss–Newton steps in the generators of rotations, weighted at the end by how well each is
known. Which of several ends is right is told by
`methexis.transport.unpaired.equal`; where none is, the search goes on from more random rotations,
because two images of one law have a rotation that fits.

A Gaussian law is the same under all rotations, and nothing but more moments would tell them apart,
which it has not: `mardia` tests for that (Mardia's skewness and kurtosis).

References
----------
.. [1] K. V. Mardia, *Measures of multivariate skewness and kurtosis*, Biometrika 57 (1970).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import linalg, stats

from methexis.core.checks import Array
from methexis.core.linalg import random_orthogonal
from methexis.transport.unpaired.equal import SPREAD, Misfit, allowed, chance, slopes

#: Random rotations from which moments are matched in one round, and steps from each.
STARTS, _STEPS = 60, 60
#: How many of these are refined on characteristic functions.
_REFINED = 6
#: Most rounds, and fewer in many directions, where each is long: so many over the number of them.
_ROUNDS, _AFFORDED = 6, 48
#: Rotations that differ by more in some entry are others.
_APART = 0.3
#: Gauss–Newton steps.
_NEWTON = 12
#: Most samples by which a rotation is first found, and by which it is weighed then.
_FEW, _SAMPLES = 3000, 20_000
#: Most frequencies.
_FREQUENCIES = 3000


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
    """Maps that fit equally well as far as samples tell, the best first.

    Attributes
    ----------
    maps : list of array (r, r)
    equal : bool
        Whether the laws are equal under the best, as far as samples tell.
    """

    maps: list[Array]
    equal: bool


def matched(x: Array, y: Array, generator: np.random.Generator) -> Ends:
    """The rotations under which two laws are most alike.

    Parameters
    ----------
    x, y : arrays (num_x, r), (num_y, r)
        Whitened rows.
    generator : Generator
        Of starts and frequencies.

    Returns
    -------
    Ends
        ``x @ turn`` has the law of y. Beside the best there are all others, far from it, that no
        test tells from it.
    """
    target = Target.of(x, y, generator)
    misfit = Misfit(x[:_SAMPLES], y[:_SAMPLES], generator)
    moments = _moments(x, y)
    ends: list[End] = []
    for _ in range(max(1, min(_ROUNDS, _AFFORDED // x.shape[1]))):
        for start in _starts(*moments, generator)[:_REFINED]:
            _added(ends, misfit, target.nearest(start))
        best = min(ends, key=lambda end: end.misfit)
        if best.misfit <= chance(best.degrees):
            break
    _added(ends, misfit, -best.turn)
    ends.sort(key=lambda end: end.misfit)
    most = allowed(ends[0].misfit, ends[0].degrees)
    maps = [end.turn for end in ends if end.misfit <= most]
    return Ends(maps, ends[0].misfit <= chance(ends[0].degrees))


class End(NamedTuple):
    """A rotation at its least misfit, which that is, and its degrees of freedom."""

    turn: Array
    misfit: float
    degrees: int


def _added(ends: list[End], misfit: Misfit, turn: Array) -> None:
    """Append a rotation, at its least misfit, unless it is there."""
    if _new(turn, [end.turn for end in ends], _APART):
        least = End(*misfit.least(turn))
        if _new(least.turn, [end.turn for end in ends], _APART):
            ends.append(least)


def again(turn: Array, generator: np.random.Generator) -> Callable[[Array, Array], Array]:
    """A function that finds a rotation anew, from other whitened rows, near what it is."""
    return lambda x, y: Misfit(x[:_SAMPLES], y[:_SAMPLES], generator).least(turn)[0]


class Target:
    """What a rotation of x is to have: the characteristic function of y, at random frequencies."""

    def __init__(self, x: Array, y: Array, frequencies: Array) -> None:
        self.x, self.y, self.frequencies = x, y, frequencies
        self.waves = np.mean(_waves(y, frequencies), axis=0)

    @classmethod
    def of(cls, x: Array, y: Array, generator: np.random.Generator) -> Target:
        """At as many frequencies as there are numbers to learn, times some."""
        x, y = x[:_FEW], y[:_FEW]
        r = x.shape[1]
        count = min(3 * r * r + 100, _FREQUENCIES)
        frequencies = generator.standard_normal((count, r)) * SPREAD
        return cls(x, y, frequencies)

    def nearest(self, start: Array) -> Array:
        """The rotation near a start under which squares are least."""
        return _newton(self.x, start, self.frequencies, self.waves)


def _moments(x: Array, y: Array) -> tuple[Array, Array]:
    """Third moments of both, or fourth cumulants where neither is skewed."""
    skewed = max(mardia(x).skewness, mardia(y).skewness) < 1e-3
    first, second = (third(one) if skewed else fourth(one) for one in (x, y))
    return first, second


def _starts(of_x: Array, of_y: Array, generator: np.random.Generator) -> list[Array]:
    """Rotations that match moments, from random ones, the best first, all far from each other."""
    r = len(of_x)
    ends: list[tuple[float, Array]] = []
    for _ in range(STARTS):
        turn = random_orthogonal(r, generator)
        for _ in range(_STEPS):
            left, _, right = np.linalg.svd(_gradient(of_x, of_y, turn))
            before, turn = turn, np.asarray(left @ right, dtype=np.float64)
            if np.abs(turn - before).max() < 1e-6:
                break
        ends.append((float(np.sum(_gradient(of_x, of_y, turn) * turn)), turn))
    ends.sort(key=lambda one: -one[0])
    apart: list[Array] = []
    for _, turn in ends:
        if _new(turn, apart, _APART):
            apart.append(turn)
    # moments of even order are the same of a rotation and its negative, which needs a look as well
    return apart if of_x.ndim % 2 else [sign * one for one in apart for sign in (1.0, -1.0)]


def _new(turn: Array, others: list[Array], apart: float) -> bool:
    """Whether a rotation differs from all others by more in some entry."""
    return all(np.abs(turn - other).max() > apart for other in others)


def _gradient(of_x: Array, of_y: Array, turn: Array) -> Array:
    """``⟨T_y, turn · T_x⟩`` without one of the turns: ``(r, r)``, x first."""
    r = len(turn)
    turned = of_x
    for _ in range(of_x.ndim - 1):  # turn all indices but the first, which stays in front
        turned = np.moveaxis(turned, 1, -1) @ turn
    return np.asarray(turned.reshape(r, -1) @ of_y.reshape(r, -1).T)


def _waves(rows: Array, frequencies: Array) -> Array:
    return np.asarray(np.exp(1j * (rows @ frequencies.T)))


def _newton(x: Array, turn: Array, frequencies: Array, target: Array) -> Array:
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
    return turn


def _residual(x: Array, turn: Array, frequencies: Array, target: Array) -> tuple[Array, Array]:
    """``φ_x(f turnᵀ) − target``, and its slopes along ``turn → turn exp(A)``, for a < b of A."""
    told, along = slopes(x @ turn, frequencies)
    return told - target, along
