"""Groups of samples that are left out, one after the other: what is left of sums over pairs.

Without a group every other sample counts ``c = n / (n - size)`` times, so that weights still sum to
n. A sum over pairs of samples is then

    Σ_ij w_i w_j m_ij = c² (Σ_ij m_ij - 2 Σ_{i in group} Σ_j m_ij + Σ_{i, j in group} m_ij)

of a symmetric matrix: the sums of its rows, and of the blocks of its groups, give all groups at
once, in one pass over the matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.parallel.caching import cached_property


@dataclass(frozen=True, eq=False)
class Groups:
    """A group for each sample.

    Attributes
    ----------
    labels : array (num_samples,)
        Number of the group of each sample, from 0 without gaps.

    Examples
    --------
    >>> groups = Groups(np.array([0, 0, 1, 2]))
    >>> groups.weights[0].tolist()
    [0.0, 0.0, 2.0, 2.0]
    >>> m = np.arange(16.0).reshape(4, 4) + np.arange(16.0).reshape(4, 4).T
    >>> sums = groups.sums(m.sum(axis=1), lambda some: float(m[np.ix_(some, some)].sum()))
    >>> np.allclose(sums, [w @ m @ w for w in groups.weights])
    True
    """

    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of groups that are left out."""
        return int(self.labels.max()) + 1

    @cached_property
    def members(self) -> list[NDArray[np.intp]]:
        """The numbers of the samples in each group."""
        order = np.argsort(self.labels, kind="stable")
        ends = np.cumsum(np.bincount(self.labels, minlength=len(self)))
        return np.split(order, ends[:-1])

    @property
    def factors(self) -> Array:
        """How often a sample counts without each group, ``(num_groups,)``."""
        n = len(self.labels)
        return np.asarray(n / (n - np.bincount(self.labels, minlength=len(self))))

    @property
    def weights(self) -> Array:
        """Weights of all samples without each group, ``(num_groups, num_samples)``."""
        kept = self.labels[None, :] != np.arange(len(self))[:, None]
        return np.asarray(kept * self.factors[:, None])

    def sums(self, rows: Array, within: Callable[[NDArray[np.intp]], float]) -> Array:
        """Weighted sums over pairs of samples without each group, ``(num_groups,)``.

        From the sums of the rows of a symmetric matrix, and a function that sums its entries
        between given samples.
        """
        along = np.bincount(self.labels, weights=rows, minlength=len(self))
        inside = np.array([within(some) for some in self.members])
        return np.asarray(self.factors**2 * (np.sum(rows) - 2.0 * along + inside))
