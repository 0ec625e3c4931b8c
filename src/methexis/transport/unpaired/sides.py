"""One side of a translation without pairs: principal coordinates, and which rows teach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures.inputs.features import features, in_range, to_numpy
from methexis.measures.inputs.naming import single
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.rdm import RDM
from methexis.transport.held_out import unit
from methexis.transport.unpaired.profiles import Rows

Places = NDArray[np.int64]

#: Fewest rows of a side.
LEAST = 100
#: Rows that are held out: one in so many, but no fewer than so many if these are at most a tenth,
#: and no more than so many. A map that is learnt from fewer rows may be one that is not found.
_SHARE, _FEW, _MOST = 20, 50, 1000
#: Share of the largest variance below which a direction has none.
_NOTHING = 1e-10


@dataclass(frozen=True, eq=False)
class Side:
    """Rows of one side, in principal coordinates.

    Attributes
    ----------
    name : str
    mean : array (d,)
    axes : array (d, r)
        Principal directions, that of most variance first.
    variances : array (r,)
    rows : array (num_samples, r)
    bound : float
        Where features were clipped before; infinite if nowhere.
    """

    name: str
    mean: Array
    axes: Array
    variances: Array
    rows: Array
    bound: float

    @property
    def size(self) -> float:
        """Root of the total variance."""
        return float(np.sqrt(self.variances.sum()))

    @property
    def rank(self) -> int:
        """In how many directions there is any variance."""
        return len(self.variances)

    def white(self) -> Array:
        """Rows whose directions all have the variance one."""
        return np.asarray(self.rows / np.sqrt(self.variances))

    def directions(self) -> Rows:
        """Rows of length one, in single precision."""
        return np.asarray(unit(self.rows), dtype=np.float32)


def side_of(name: str, value: Any, steps: Preprocessing) -> Side:
    """Check one side and find its principal coordinates.

    Raises
    ------
    MethexisError
        If it is no array of features, or has too few rows.
    """
    given = single(name, value)
    if isinstance(given, RDM):
        raise MethexisError(
            f"{name}: expected features (num_samples, num_features), got dissimilarities, which no "
            "map predicts"
        )
    checked = features(name, given)
    if checked.num_samples < LEAST:
        raise MethexisError(
            f"{name}: expected at least {LEAST} rows, got {checked.num_samples}; without pairs "
            "only the law of many samples tells where they belong, so give more of them"
        )
    in_range(checked, 4)
    bound = steps.bound(checked)
    rows = np.asarray(to_numpy(steps(checked, bound=bound).array), dtype=np.float64)
    mean = rows.mean(axis=0)
    axes, variances = _principal(rows - mean)
    return Side(name, mean, axes, variances, (rows - mean) @ axes, bound)


def _principal(centred: Array) -> tuple[Array, Array]:
    if len(centred) > centred.shape[1]:
        values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        values, vectors = values[::-1], vectors[:, ::-1]
    else:
        _, roots, right = np.linalg.svd(centred, full_matrices=False)
        values, vectors = roots**2 / len(centred), right.T
    rank = int(np.count_nonzero(values > _NOTHING * values[0]))
    return np.ascontiguousarray(vectors[:, :rank]), values[:rank].copy()


def parted(count: int, generator: np.random.Generator) -> tuple[Places, Places]:
    """Places of rows that teach, and of those that are held out."""
    order = generator.permutation(count)
    held = min(max(count // _SHARE, min(_FEW, count // 10)), _MOST)
    return order[held:], order[:held]
