"""Directions that both sides have, and those of one alone.

Canonical directions are learnt without a fold and correlated in it. How many correlations are above
chance (Holm, 5 %) is the number of shared dimensions; the rest of a side's rank is its own. What a
side has alone is what the linear map leaves of it, and its first principal direction says which
samples that separates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.sparse.linalg import svds

from methexis.core.checks import Array
from methexis.display import Displayed
from methexis.explaining.ladder import Ladder
from methexis.maps.paired import Paired
from methexis.measures.inference.multiple import holm

#: Units and samples that are named.
NUM_NAMED = 3
#: Units that are outliers: of so many times the median variance, and of such a share of all.
_TIMES, _PART = 10.0, 0.01


@dataclass(frozen=True)
class Side(Displayed):
    """What one representation is like, and has alone.

    Attributes
    ----------
    name : str
    features : int
    rank : int
        Directions with any variance.
    effective : float
        Participation ratio ``(Σ l)² / Σ l²`` of its variances l.
    private : int
        Dimensions that the other side has not: the rank less the shared ones.
    unexplained : float
        Share of its variance that the linear map leaves of samples left out.
    outliers : tuple of (int, float)
        Units with more than 10 times the median variance and 1 % of all, the largest first, with
        their shares of the variance.
    heavy : tuple of (int, float)
        Samples farthest from the mean, with their shares of the variance.
    apart : tuple of (int, float)
        Samples that the first direction of what is left separates most, in standard deviations.
    """

    name: str
    features: int
    rank: int
    effective: float
    private: int
    unexplained: float
    outliers: tuple[tuple[int, float], ...]
    heavy: tuple[tuple[int, float], ...]
    apart: tuple[tuple[int, float], ...]


def shared_dimensions(ladder: Ladder, pair: Paired, level: float = 0.05) -> int:
    """Number of canonical directions that correlate in samples left out."""
    most = min(min(len(fit.lx), len(fit.ly)) for fit in ladder.fits)
    sums = np.zeros((3, most))
    for f, fit in enumerate(ladder.fits):
        test = pair.fold == f
        root_x, root_y = np.sqrt(fit.dx), np.sqrt(fit.dy)
        left, _, right = np.linalg.svd(fit.c / root_y[:, None] / root_x, full_matrices=False)
        x = (pair.x[test] - fit.mean_x) @ (fit.axes_x / root_x @ right[:most].T)
        y = (pair.y[test] - fit.mean_y) @ (fit.axes_y / root_y @ left[:, :most])
        sums += np.stack([np.sum(x * y, axis=0), np.sum(x**2, axis=0), np.sum(y**2, axis=0)])
    cosines = sums[0] / np.sqrt(np.maximum(sums[1] * sums[2], 1e-300))
    cosines = np.clip(cosines, -1.0 + 1e-12, 1.0 - 1e-12)
    count = int(pair.groups.max()) + 1
    t = cosines * np.sqrt((count - 2.0) / (1.0 - cosines**2))
    return int(np.count_nonzero(holm(stats.t.sf(t, count - 2)) <= level))


def side(name: str, rows: Array, left: Array, rank: int, shared: int, unexplained: float) -> Side:
    """Describe one side.

    Parameters
    ----------
    name : str
    rows : array (num_samples, num_features)
        Of mean zero and total variance one.
    left : array (num_samples, num_features)
        What the linear map leaves of them.
    rank, shared : int
    unexplained : float
    """
    variances = np.mean(rows**2, axis=0)
    middle = float(np.median(variances))
    big = np.flatnonzero((variances > _TIMES * middle) & (variances > _PART))
    order = big[np.argsort(-variances[big])][:NUM_NAMED]
    lengths = np.sum(rows**2, axis=1) / len(rows)
    far = np.argsort(-lengths)[:NUM_NAMED]
    gram = rows.T @ rows if rows.shape[1] <= len(rows) else rows @ rows.T
    return Side(
        name=name,
        features=rows.shape[1],
        rank=rank,
        effective=float(np.trace(gram) ** 2 / np.sum(gram**2)),
        private=max(rank - shared, 0),
        unexplained=unexplained,
        outliers=tuple((int(k), float(variances[k])) for k in order),
        heavy=tuple((int(k), float(lengths[k])) for k in far),
        apart=_apart(left, unexplained),
    )


def _apart(left: Array, unexplained: float) -> tuple[tuple[int, float], ...]:
    """Samples at the ends of the first direction of what is left; none where nothing is."""
    if unexplained < 1e-6 or left.shape[1] < 2:
        return ()
    first = svds(left, k=1, return_singular_vectors="u", random_state=0)[0][:, 0]
    scores = first / max(float(np.std(first)), 1e-300)
    return tuple((int(k), float(scores[k])) for k in np.argsort(-np.abs(scores))[:NUM_NAMED])
