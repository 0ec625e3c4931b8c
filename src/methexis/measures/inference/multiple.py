"""Many p-values at once: which of them stand when so many were looked at.

- `holm` bounds the probability of any false finding, whatever depends on what.
- `false_discovery_rates` bounds the expected share of false findings among all findings.
- `max_statistic` bounds the probability of any false finding too, but knows how the scores depend
  on each other, because one order of the rows serves all of them: neighbouring layers, which are
  nearly one, cost next to nothing.

NaN marks what is not a hypothesis (a representation with itself): it is neither counted nor
corrected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array


def holm(p: Array) -> Array:
    """P-values corrected by Holm's step-down method.

    Of m sorted p-values the k-th is multiplied by ``m - k + 1``; a smaller one never ends above a
    larger one. Holds under any dependence [1]_.

    References
    ----------
    .. [1] S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6
       (1979), 65-70.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03, np.nan])).round(12).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    counted, order = _sorted(p)
    factors = np.arange(len(order), 0, -1)
    return _back(p, order, np.maximum.accumulate(factors * counted))


def false_discovery_rates(p: Array) -> Array:
    """Q-values of Benjamini and Hochberg: the least false discovery rate that makes each a finding.

    Of m sorted p-values the k-th is multiplied by ``m / k``; a larger one never ends below a
    smaller one. Holds for independent and for positively dependent tests [1]_, which layers of one
    model are.

    References
    ----------
    .. [1] Y. Benjamini and D. Yekutieli, The control of the false discovery rate in multiple
       testing under dependency, Ann. Statist. 29 (2001), 1165-1188.

    Examples
    --------
    >>> false_discovery_rates(np.array([0.01, 0.04, 0.03, np.nan])).round(12).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    counted, order = _sorted(p)
    factors = len(order) / np.arange(1, len(order) + 1)
    return _back(p, order, np.minimum.accumulate((factors * counted)[::-1])[::-1])


def max_statistic(observed: Array, permuted: Array) -> Array:
    """P-values corrected for the search over all cells, by the largest of all permuted statistics.

    ``p = (1 + #{orders whose largest statistic is at least this one}) / (1 + #orders)``. The chance
    that any cell has p below α is at most α when no pair is aligned [1]_.

    Statistics are on one scale, larger if more aligned; an order is the same for all cells.

    References
    ----------
    .. [1] P. H. Westfall and S. S. Young, Resampling-based multiple testing, Wiley, 1993.

    Examples
    --------
    >>> permuted = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]])
    >>> max_statistic(np.array([1.5, 3.0]), permuted).tolist()
    [0.5, 0.25]
    """
    cells = np.isfinite(observed)
    if not cells.any():
        return np.full(observed.shape, np.nan)
    largest = np.sort(np.max(permuted[:, cells], axis=1))
    above = len(largest) - np.searchsorted(largest, observed, side="left")
    return np.where(cells, (1 + above) / (1 + len(largest)), np.nan)


def _sorted(p: Array) -> tuple[Array, NDArray[np.intp]]:
    """P-values that are hypotheses, in order, and their places in it."""
    counted = p[~np.isnan(p)]
    order = np.argsort(counted, kind="stable")
    return counted[order], order


def _back(p: Array, order: NDArray[np.intp], corrected: Array) -> Array:
    """Corrected p-values, at most 1, in the places of those they were made from."""
    placed, whole = np.empty(len(order)), np.full(p.shape, np.nan)
    placed[order] = np.minimum(1.0, corrected)
    whole[~np.isnan(p)] = placed
    return whole
