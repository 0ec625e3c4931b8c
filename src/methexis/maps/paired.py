"""Two representations made ready: centred, of one size, and cut into folds that share no row.

A row that occurs twice, on both sides of a cut, would be predicted from itself. So samples that
equal each other, in x or in y, are a group, and a fold takes whole groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, to_numpy
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.representations import both

#: Fewest groups of equal rows of which anything can be left out and learnt again.
LEAST = 20
#: Folds, and fewer from how many samples on, where each fold has enough by itself.
FOLDS, FEW_FOLDS, MANY = 5, 3, 3000
#: Share of the variance below which a fold has none beside the largest samples.
_LEAST_SPREAD = 1e-10
#: Spread of rows, in their length, that is rounding.
_ROUNDING = 1e-14


@dataclass(frozen=True, eq=False)
class Paired:
    """Rows of both sides, of mean zero and total variance one.

    Attributes
    ----------
    x, y : arrays (num_samples, num_features)
    sizes : (float, float)
        Root of the total variance that each had.
    fold : array (num_samples,) of int
        In which fold a sample is left out.
    num_folds : int
    groups : array (num_samples,) of int
        Samples of one number are equal in x or in y.
    """

    x: Array
    y: Array
    sizes: tuple[float, float]
    fold: NDArray[np.int64]
    num_folds: int
    groups: NDArray[np.int64]

    @property
    def num_samples(self) -> int:
        """The number of paired rows."""
        return len(self.x)

    @property
    def num_repeated(self) -> int:
        """Samples beyond the first of each group."""
        return self.num_samples - int(self.groups.max()) - 1


def paired(
    x: Any, y: Any, steps: Preprocessing, *, names: tuple[str, str] = ("X", "Y"), seed: int = 0
) -> Paired:
    """Check two representations of the same samples and cut their samples into folds.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
    steps : Preprocessing
        Done before anything else.
    names : (str, str)
        By which messages call them.
    seed : int
        Of the folds.

    Raises
    ------
    MethexisError
        If either is refused, holds dissimilarities, or too few of its rows differ.
    """
    rows, sizes = [], []
    for name, given in zip(names, both(x, y, scaled=True, names=names), strict=True):
        if not isinstance(given, Features):
            raise MethexisError(
                f"{name}: expected features (num_samples, num_features), got dissimilarities, "
                "which no map predicts"
            )
        array = np.asarray(to_numpy(steps(given).array), dtype=np.float64)
        rows.append(array - array.mean(axis=0))
        sizes.append(_length(rows[-1]))
        if sizes[-1] <= _ROUNDING * _length(array):
            raise MethexisError(
                f"{name}: expected rows that differ, got one row throughout after preprocessing; "
                "take other features, or leave rows their lengths"
            )
    groups = equal_rows(rows[0], rows[1])
    num_groups = int(groups.max()) + 1
    if num_groups < LEAST:
        raise MethexisError(
            f"{names[0]}, {names[1]}: expected at least {LEAST} samples that differ in both, got "
            f"{num_groups} of {len(groups)}; give more samples"
        )
    num_folds = FOLDS if num_groups < MANY else FEW_FOLDS
    fold = folds(groups, num_folds, seed)
    first, second = (one / size for one, size in zip(rows, sizes, strict=True))
    for name, one in zip(names, (first, second), strict=True):
        _comparable(name, one, fold)
    return Paired(first, second, (sizes[0], sizes[1]), fold, num_folds, groups)


def _length(rows: Array) -> float:
    """Root mean square length of rows."""
    return float(np.sqrt(np.mean(np.sum(rows**2, axis=1))))


def _comparable(name: str, rows: Array, fold: NDArray[np.int64]) -> None:
    """See that every fold has variance beside the largest samples.

    Raises
    ------
    MethexisError
        If one sample has so much of it that the others are rounding beside it.
    """
    for number in range(int(fold.max()) + 1):
        if float(np.mean(np.var(rows[fold == number], axis=0))) < _LEAST_SPREAD / rows.shape[1]:
            sample = int(np.argmax(np.sum(rows**2, axis=1)))
            raise MethexisError(
                f"{name}: expected samples of comparable size, got sample {sample}, beside which "
                "others are rounding; leave it out, or clip by preprocessing='prh'"
            )


def equal_rows(x: Array, y: Array) -> NDArray[np.int64]:
    """Number the groups of samples that equal each other in x or in y, directly or by others.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1.0], [0.0], [3.0]]), np.array([[5.0], [6.0], [7.0], [6.0]])
    >>> equal_rows(x, y).tolist()
    [0, 1, 0, 1]
    """
    first, second = _numbered(x), _numbered(y)
    count = int(first.max()) + 1
    size = count + int(second.max()) + 1
    ones = np.ones(len(first), dtype=np.int8)
    graph = coo_array((ones, (first, count + second)), shape=(size, size))
    parts = connected_components(graph, directed=False)[1]
    return np.unique(parts[first], return_inverse=True)[1].astype(np.int64)


def _numbered(array: Array) -> NDArray[np.int64]:
    """Number different rows; zeros of both signs are equal."""
    whole = np.ascontiguousarray(array + 0.0)
    rows = whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
    return np.unique(rows, return_inverse=True)[1].astype(np.int64)


def folds(groups: NDArray[np.int64], num_folds: int, seed: int) -> NDArray[np.int64]:
    """Put whole groups into folds of about one size, in random order."""
    counts = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(counts))
    before = np.cumsum(counts[order]) - counts[order]
    place = np.empty(len(counts), dtype=np.int64)
    place[order] = np.minimum(before * num_folds // len(groups), num_folds - 1)
    if len(np.unique(place)) < num_folds:  # one group is larger than a fold
        place[order] = np.arange(len(counts)) * num_folds // len(counts)
    return place[groups]
