r"""How far a map of whitened rows may be wrong, from what halves of the rows make of it.

The map of all rows is not exact: the rotation is learnt, and so are the means and covariances by
which both sides are whitened. Each half of the rows makes a map of its own, ``f₁`` and ``f₂``,
whitening and all, begun from the rotation of all rows. Errors of halves are independent, and each
has twice the variance of that of all rows, so

.. math:: (f_1(x) − f_2(x)) / 2

has the law of the error of the map of all rows. If neither side has anything of its own, partners
lie off the images by such errors alone, and how many are found is counted, over several halvings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from methexis.core.checks import Array
from methexis.core.linalg import inverse_sqrt_psd, sqrt_psd
from methexis.transport.held_out import placed, unit

#: Most rows among which partners are sought.
CANDIDATES = 1000
#: How often rows are halved.
_SPLITS = 4


class Reliance(NamedTuple):
    """Share of partners found, and of the variance predicted, if nothing is either side's own."""

    top1: float
    share: float
    candidates: int


def reliance(
    x: Array,
    y: Array,
    turn: Array,
    again: Callable[[Array, Array], Array],
    generator: np.random.Generator,
) -> Reliance:
    """Learn from halves, and count partners that errors of such a size leave.

    Parameters
    ----------
    x, y : arrays (num_x, r), (num_y, r)
        Whitened rows.
    turn : array (r, r)
        The rotation of all.
    again : function
        Finds it anew, from whitened rows of both halves.
    generator : Generator
        Of halves, and of rows that are looked for.
    """
    sought = x[generator.permutation(len(x))[:CANDIDATES]]
    image = sought @ turn
    tops, left = [], []
    for _ in range(_SPLITS):
        orders = [generator.permutation(len(one)) for one in (x, y)]
        first, second = (
            _image(sought, x[orders[0][half::2]], y[orders[1][half::2]], again) for half in range(2)
        )
        error = 0.5 * (first - second)
        both = unit(image), unit(image + error)
        tops.append(float(placed(*both).first.mean()))
        left.append(float(np.sum(error**2) / np.sum(image**2)))
    return Reliance(float(np.mean(tops)), 1.0 - float(np.mean(left)), len(sought))


def _image(sought: Array, x: Array, y: Array, again: Callable[[Array, Array], Array]) -> Array:
    """Where rows of x come, by a map of these rows alone."""
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    cov_x, cov_y = (np.atleast_2d(np.cov(one.T, bias=True)) for one in (x, y))
    white_x = inverse_sqrt_psd(cov_x)
    turn = again((x - mean_x) @ white_x, (y - mean_y) @ inverse_sqrt_psd(cov_y))
    return np.asarray((sought - mean_x) @ white_x @ turn @ sqrt_psd(cov_y) + mean_y)
