"""Shared ancestry: whether unit k of one network still means what it means in the other.

Two networks that were trained apart have units in no common order, so the correlations of units of
one number are like those of any two. Networks that were copied, fine-tuned or distilled from one
checkpoint keep the order, though a rotation may be needed to say all that they share. So ancestry
is asked for by itself, beside the rung that is needed: whether the sum of the correlations of equal
units stands out among all orders of the units, whose mean and variance are known exactly; how much
of what a rotation aligns the same coordinates do, ``tr Σxy`` over the sum of singular values of
Σxy; and how often a sample finds itself by its coordinates, with the units shuffled as control.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from methexis.core.checks import Array
from methexis.display import Displayed
from methexis.maps.paired import Paired

#: Fewest units of which an order can stand out.
LEAST_UNITS = 8
#: Most samples among which each one looks for itself.
_MOST = 4096
#: When ancestry is claimed: level of the order, and share of what a rotation aligns.
_LEVEL, _SHARE = 1e-3, 0.1


@dataclass(frozen=True)
class Ancestry(Displayed):
    """Whether the units of both sides are in one order.

    Attributes
    ----------
    shared : bool
        Whether they are: p at most 0.001, and at least a tenth of what a rotation aligns.
    z : float
        Sum of the correlations of equal units, in standard deviations over all orders of the units.
    p : float
        One-sided, by the normal law.
    share : float
        ``tr Σxy`` over the sum of singular values of Σxy: 1 if no rotation is needed.
    top1 : float
        Share of samples whose nearest sample on the other side, by the cosine of standardised
        units, is the same sample.
    control : float
        The same with the units of one side shuffled.
    samples : int
        Number of samples among which they look.
    """

    shared: bool
    z: float
    p: float
    share: float
    top1: float
    control: float
    samples: int


def ancestry(pair: Paired, *, seed: int = 0) -> Ancestry | None:
    """Whether two sides of one width keep the order of their units; None where it cannot be asked.

    Parameters
    ----------
    pair : Paired
    seed : int
        Of the samples that look for themselves, and of the shuffled units.
    """
    x, y = pair.x, pair.y
    if x.shape[1] != y.shape[1] or x.shape[1] < LEAST_UNITS:
        return None
    size_x, size_y = np.sqrt(np.mean(x**2, axis=0)), np.sqrt(np.mean(y**2, axis=0))
    alive = (size_x > 1e-9 * size_x.max()) & (size_y > 1e-9 * size_y.max())
    if alive.sum() < LEAST_UNITS:
        return None
    cross = y.T @ x / len(x)
    z = _stands_out(cross[np.ix_(alive, alive)] / np.outer(size_y[alive], size_x[alive]))
    p = float(stats.norm.sf(z))
    share = float(np.trace(cross) / np.linalg.norm(cross, "nuc"))
    generator = np.random.default_rng([seed, 3])
    rows = generator.permutation(len(x))[:_MOST]
    one, other = (a[rows][:, alive] / s[alive] for a, s in ((x, size_x), (y, size_y)))
    shuffled = other[:, generator.permutation(other.shape[1])]
    top1, control = _finds_itself(one, other), _finds_itself(one, shuffled)
    return Ancestry(
        shared=p <= _LEVEL and share >= _SHARE,
        z=z,
        p=p,
        share=share,
        top1=top1,
        control=control,
        samples=len(rows),
    )


def _stands_out(correlations: Array) -> float:
    """The trace in standard deviations over all orders of the columns.

    Over orders, ``Σ_i c_{i π(i)}`` has the mean ``Σ c / d`` and the variance
    ``Σ c̃² / (d − 1)``, with the means of rows and columns taken from ``c̃``.
    """
    d = len(correlations)
    centred = correlations - correlations.mean(axis=0) - correlations.mean(axis=1)[:, None]
    centred = centred + correlations.mean()
    spread = float(np.sqrt(np.sum(centred**2) / (d - 1.0)))
    apart = float(np.trace(correlations) - correlations.sum() / d)
    return apart / spread if spread > 0.0 else 0.0


def _finds_itself(one: Array, other: Array) -> float:
    """Share of rows whose most similar row on the other side has their number."""
    lengths = np.linalg.norm(other, axis=1)
    similar = one @ (other / np.maximum(lengths, 1e-300)[:, None]).T
    return float(np.mean(np.argmax(similar, axis=1) == np.arange(len(one))))
