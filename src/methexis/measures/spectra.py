"""Eigenspectra: how many directions one representation uses, and how their variances fall off.

These are functions of one representation. The spectra of two, in turn, say how alike they could be
at best: no rotation brings shapes of different spectra together (`spectral_bound`). Pairing the
rows anew changes no spectrum, so none of this has a null over pairings, and none is in the
registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from methexis.core.checks import Array, boolean, integer
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, features, to_numpy
from methexis.measures.subspaces.bases import basis


@dataclass(frozen=True)
class PowerLaw(Displayed):
    """A power law ``λ_k ∝ k^-α`` through a window of an eigenspectrum.

    Attributes
    ----------
    exponent : float
        ``α``, positive for a spectrum that falls.
    standard_error : float
        Error of the line's slope, as if eigenvalues deviated independently; they do not: a lower
        bound.
    r_squared : float
        Share of the variance of ``log λ`` that the line explains.
    window : (int, int)
        First and last rank ``k`` of the fit, counted from 1.
    num_directions : int
        How many eigenvalues there are.
    """

    exponent: float
    standard_error: float
    r_squared: float
    window: tuple[int, int]
    num_directions: int


def eigenspectrum(x: Any) -> Array:
    r"""Eigenvalues of the covariance of features, largest first.

    .. math:: \lambda_k = s_k^2 / (n - 1)

    Only those above rounding: as many as the centred features' rank.

    Parameters
    ----------
    x : array (num_samples, num_features)
        One representation.

    Returns
    -------
    array (rank,)
        In squared units of the features.

    Raises
    ------
    MethexisError
        If it is no representation.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]) * [3.0, 1.0]
    >>> eigenspectrum(x).round(6).tolist()  # 2 · 9 / 3, 2 · 1 / 3
    [6.0, 0.666667]
    """
    return _eigenspectrum(features("X", x))


def _eigenspectrum(given: Features) -> Array:
    sizes = to_numpy(basis(given).sizes).astype(np.float64)
    return np.asarray(sizes**2 / (given.num_samples - 1))


def participation_ratio(x: Any) -> float:
    r"""Participation ratio: a number of directions, each counted by its variance.

    .. math:: \frac{(\sum \lambda_k)^2}{\sum \lambda_k^2}

    From 1 (one direction) to the rank (equal variances).

    Parameters
    ----------
    x : array (num_samples, num_features)
        One representation.

    Raises
    ------
    MethexisError
        If it is no representation.

    Notes
    -----
    *Pitfall*: from ``n`` samples it is biased down, as ``1 / (1/D + 1/n)`` for ``D`` directions of
    equal variance: with few samples it measures ``n``.

    References
    ----------
    .. [1] Gao et al. 2017, "A theory of multineuronal dimensionality, dynamics and measurement".

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(participation_ratio(x), 6), round(participation_ratio(x * [3.0, 1.0]), 6)  # 100 / 82
    (2.0, 1.219512)
    """
    values = _eigenspectrum(features("X", x, scaled=True))
    return float(np.sum(values) ** 2 / np.sum(values**2))


def effective_rank(x: Any, *, variances: bool = False) -> float:
    r"""Effective rank: the exponential of the spectrum's entropy.

    .. math:: \exp\left(-\sum_k p_k \log p_k\right), \qquad p_k = s_k / \sum_l s_l

    From 1 to the rank.

    Parameters
    ----------
    x : array (num_samples, num_features)
        One representation.
    variances : bool
        ``p_k ∝ s_k²`` instead. Roy and Vetterli, and RankMe after them, take singular values ``s``;
        work on entropies of Gram matrices takes ``s²``. The two differ a lot: the first counts
        small directions more.

    Raises
    ------
    MethexisError
        If it is no representation.

    References
    ----------
    .. [1] Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality".

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(effective_rank(x), 6)
    2.0
    """
    boolean("variances", variances)
    values = _eigenspectrum(features("X", x, scaled=True))
    shares = values if variances else np.sqrt(values)
    shares = shares / shares.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))))


def power_law(x: Any, *, first: int | None = None, last: int | None = None) -> PowerLaw:
    r"""Exponent of the power law that an eigenspectrum follows within a window of ranks.

    Least squares of ``log λ_k`` on ``log k`` over ``k = first … last``, points evenly weighted in
    ``k``, so that the far end decides.

    Parameters
    ----------
    x : array (num_samples, num_features)
        One representation.
    first, last : int, optional
        Ranks, counted from 1. By default from a tenth to a half of the number of eigenvalues: the
        first few are set by the task, the last by the number of samples. The window is part of the
        result, because the exponent depends on it.

    Returns
    -------
    PowerLaw
        Exponent, window, and how straight the line is.

    Raises
    ------
    MethexisError
        If it is no representation, or the window has fewer than three ranks or reaches beyond the
        last eigenvalue.

    Notes
    -----
    *Pitfall*: eigenvalues of a sample covariance spread; with ``n`` not far above the number of
    features the spectrum falls off by itself. Compare with independent features of the same shape.

    References
    ----------
    .. [1] Stringer et al. 2019, "High-dimensional geometry of population responses in visual
       cortex".

    Examples
    --------
    >>> import numpy as np
    >>> q = np.linalg.qr(np.random.default_rng(0).normal(size=(100, 40)))[0]
    >>> q = np.linalg.qr(q - q.mean(axis=0))[0]
    >>> round(power_law(q * np.arange(1.0, 41.0) ** -0.75).exponent, 6)  # λ = s² falls as k^-1.5
    1.5
    """
    values = _eigenspectrum(features("X", x, scaled=True))
    rank = len(values)
    low = max(1, rank // 10) if first is None else integer("first", first, least=1)
    high = max(low, rank // 2) if last is None else integer("last", last, least=1)
    if high > rank or high - low < 2:
        raise MethexisError(
            f"first, last: expected a window of three ranks or more within {rank} eigenvalues, got "
            f"{low} to {high}"
        )
    ranks = np.arange(low, high + 1)
    line = stats.linregress(np.log(ranks), np.log(values[low - 1 : high]))
    return PowerLaw(
        -float(line.slope), float(line.stderr), float(line.rvalue) ** 2, (low, high), rank
    )


def spectral_bound(x: Any, y: Any) -> float:
    r"""The greatest Procrustes score that two spectra allow: that of equal directions.

    .. math:: \frac{\sum_k s_k t_k}{\sqrt{\sum s_k^2 \sum t_k^2}} \ge
              \frac{\|X^T Y\|_*}{\|X\| \|Y\|}

    with sizes ``s``, ``t`` in decreasing order (von Neumann's trace inequality). What a Procrustes
    score lacks to 1 is thereby split into spectra that differ and directions that do.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Two representations; rows need not be paired, numbers of samples may differ.

    Returns
    -------
    float
        In (0, 1] up to rounding.

    Raises
    ------
    MethexisError
        If either is no representation.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(spectral_bound(x, x @ [[3.0, 0], [0, 1]]), 6)  # attained: the directions agree
    0.894427
    """
    s, t = (
        to_numpy(basis(features(name, value, scaled=True)).sizes)
        for name, value in (("X", x), ("Y", y))
    )
    common = min(len(s), len(t))
    return float(s[:common] @ t[:common] / (np.linalg.norm(s) * np.linalg.norm(t)))
