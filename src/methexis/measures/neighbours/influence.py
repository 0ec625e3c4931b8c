"""How one sample, and how two together, move the overlap of neighbour lists.

The score is ``Σ_i |N_X(i) ∩ N_Y(i)| / (n k)``. A sample j that is drawn once more moves it in two
ways. It adds its own overlap, less the mean. And where it comes into a list, it pushes the farthest
one out: i has one neighbour in common more if j is near in both, and has one less, with probability
``β_i``, the share of the samples about the edge of its list in X that are in its list in Y
(``β'_i`` the other way). With ``a_ij`` and ``b_ij`` for the lists, 0 or 1, that is

    h_ij = a_ij b_ij - β_i a_ij - β'_i b_ij,      ψ_j = (o_j - ō + Σ_i h_ij - mean) / n k.

The edge itself is one sample, of which no more is known than yes or no. Leaving out one sample at a
time (the jackknife) takes that one answer for ``β``, and finds a variance that is too large by half
and more; here ``β`` is the share among the `_WINDOW` nearest on both sides of the edge.

``(h_ij + h_ji) / n k`` is what i and j do together; see `pairs.influence` for what that is for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from methexis.core.checks import Array
from methexis.measures.neighbours.indices import Indices

#: Places on either side of the edge of a list from which the edge is known, for k = 10; in
#: proportion for others.
_WINDOW = 0.5


class Overlaps:
    """What moves the overlap of two representations' lists, none of whose neighbours are tied.

    Parameters
    ----------
    a, b : array (num_samples, num_kept)
        Lists of neighbours, the nearest first, longer than k.
    k : int
        How many are compared.
    """

    def __init__(self, a: Indices, b: Indices, k: int) -> None:
        n = len(a)
        one, other = (_pattern(lists[:, :k], np.ones((n, k))) for lists in (a, b))
        both = one.multiply(other).tocsr()
        unit = 1.0 / (n * k)
        self._entered = (both - _pushed(a, other, k) - _pushed(b, one, k)).tocsr() * unit
        own = np.asarray(both.sum(axis=1)).ravel() * unit
        gained = np.asarray(self._entered.sum(axis=0)).ravel()
        self.first = own - np.mean(own) + gained - np.mean(gained)

    def second(self, samples: NDArray[np.int64]) -> Array:
        """What some samples do together with each, ``(num_chosen, num_samples)``."""
        return np.asarray(
            self._entered[samples].toarray() + self._entered.T.tocsr()[samples].toarray()
        )


def _pattern(lists: Indices, values: Array) -> sparse.csr_array:
    """A sparse matrix with these values at the entries of lists."""
    n, k = lists.shape
    return sparse.csr_array((values.ravel(), lists.ravel(), np.arange(0, n * k + 1, k)), (n, n))


def _pushed(lists: Indices, other: sparse.csr_array, k: int) -> sparse.csr_array:
    """``β_i`` at the entries of one side's lists, from the edge without the entry itself.

    An entry that were in its own ``β`` would be compared with itself in part, and come out too
    small.
    """
    n, reach = len(lists), max(1, round(_WINDOW * k))
    inner = max(0, k - reach)
    about = lists[:, inner : k + reach]
    width = about.shape[1]
    pulls = np.asarray(other[np.repeat(np.arange(n), width), about.ravel()]).reshape(n, width)
    total = pulls.sum(axis=1)
    edge = np.repeat((total / width)[:, None], k, axis=1)
    if width > 1:
        edge[:, inner:] = (total[:, None] - pulls[:, : k - inner]) / (width - 1)
    return _pattern(lists[:, :k], edge)
