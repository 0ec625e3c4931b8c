"""What rounding leaves: the tolerances of the measures that stand for it, and where they come from.

Let ``ε`` be the distance from 1 to the next number, 2.2e-16 in double precision: one rounding is
off by at most ``ε/2`` of its result. A tolerance here is a number of such roundings, and tells
numbers that mean something from what is left where nothing should be. Which digits a *method* loses
beyond that is said where the method is (`dissimilarities.ROUNDINGS`, `bases.blur`,
`bases.least_size`, `knn`, `kernels.contract.MOST_CANCELLED`).
"""

from __future__ import annotations

import numpy as np

from methexis.core.checks import Array
from methexis.measures.inputs.features import Namespace, Tensor

#: A sum below this share of the sum of its terms, all taken positive, is rounding: it should be
#: zero. Of N roundings of random sign about ``√N ε/2`` remains; 1e-12 are those of 10^8 terms added
#: one after the other, pairs of 10^4 samples. Blocked sums, as they are made here, keep two digits
#: more.
CANCELLED = 1e-12
#: Two scores that differ by less than this share of the larger are one score: each is a sum over
#: samples or pairs, in which other orders only change the order of the terms.
TIE = CANCELLED
#: Two ways to one score of order one (a pair and its mirror image, a bound and the end of an
#: interval that reaches it) agree to this: normalisers and decompositions of either may lose three
#: digits more than sums do.
OTHER_WAY = 1e-9
#: A matrix that differs from a constant by less than this many ``ε`` of its norm is that constant:
#: an entry is off by its own rounding, by that of the mean and of the difference, and the mean of
#: the roundings of n² entries by less; the rest is room for entries that were themselves computed.
ROUNDINGS_OF_A_CONSTANT = 50.0
#: Relative error of a score that is computed roughly (in single precision, singular values from
#: squares), at most; and how many times that rough scores have to spread, to be taken.
ROUGH, APART = 1e-5, 10.0
#: The most that sums in the precision of the computation are off, in ``ε``, where that is single:
#: their long sums are made of blocks.
_ROUNDINGS_OF_A_SUM = 16.0


def epsilon(xp: Namespace, array: Tensor) -> float:
    """``ε`` of an array's numbers."""
    return float(xp.finfo(array.dtype).eps)


def cancelled(xp: Namespace, array: Tensor) -> float:
    """`CANCELLED` for sums in the precision of an array.

    Examples
    --------
    >>> import numpy as np
    >>> cancelled(np, np.zeros(1)), cancelled(np, np.zeros(1, np.float32)) > 1e-6
    (1e-12, True)
    """
    return max(CANCELLED, _ROUNDINGS_OF_A_SUM * epsilon(xp, array))


def negligible(xp: Namespace, array: Tensor, length: int) -> float:
    """Share of the largest singular value or eigenvalue below which another one is rounding.

    A decomposition of a matrix with `length` rows or columns, the larger number, is that of one
    whose entries are off by a few ``ε``; a matrix of such errors of random sign has a largest
    singular value of about ``√length ε`` of the largest, at worst ``length ε``.
    """
    return length * epsilon(xp, array)


def unless_rounded(xp: Namespace, squares: Tensor, sizes: Tensor) -> Tensor:
    """Squared differences, and 0 where they are rounding of what was subtracted.

    The difference of two equal arrays is off by the roundings of its entries, so it is as little
    beside their size, of square `sizes`, as what tells a matrix from a constant.
    """
    least = (ROUNDINGS_OF_A_CONSTANT * epsilon(xp, squares)) ** 2
    return xp.where(squares > least * sizes, squares, xp.zeros_like(squares))


def unless_rounding(total: float, terms: float) -> float:
    """A sum, or 0 if it is rounding of its terms, whose absolute values sum to `terms`.

    Examples
    --------
    >>> unless_rounding(1e-13, 1.0), unless_rounding(-1e-11, 1.0)
    (0.0, -1e-11)
    """
    return total if abs(total) > CANCELLED * terms else 0.0


def told_apart(scores: Array, error: float = ROUGH) -> bool:
    """Whether scores spread by so much that their relative error is nothing beside it.

    Examples
    --------
    >>> import numpy as np
    >>> told_apart(np.array([0.5, 0.501])), told_apart(np.array([0.5, 0.50001]))
    (True, False)
    """
    return bool(np.std(scores) >= APART * error * np.max(np.abs(scores)))
