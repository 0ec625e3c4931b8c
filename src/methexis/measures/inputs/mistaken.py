"""What was given for features and is none: dissimilarities of all pairs of samples.

Rows of an RDM have a length and an order, so every measure scores them as features without
complaint, and the score means something else. A matrix is therefore refused as features where it is
an RDM for certain: square, symmetric, zero on the diagonal, nowhere negative, and zero off the
diagonal only between samples that are alike, that is where "at distance zero" is an equivalence.
The adjacency matrix of a graph is as symmetric and as hollow, but two nodes without an edge may
each have one with a third.
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import SYMMETRY_TOLERANCE
from methexis.errors import MethexisError

#: Units of rounding of its type by which an RDM may miss symmetry and zeros: ``1 - r`` of products
#: that were summed in blocks is off by a few, of long rows by more.
ROUNDINGS = 16.0


def rounding_of(array: Any) -> float:
    """How far entries of an RDM may be off by rounding of their type, as a share of the largest."""
    xp = array_api_compat.array_namespace(array)
    if not xp.isdtype(array.dtype, "real floating"):
        return SYMMETRY_TOLERANCE
    given = xp.finfo(array.dtype)
    return max(SYMMETRY_TOLERANCE, (ROUNDINGS if given.bits >= 32 else 2.0) * float(given.eps))


def refuse_dissimilarities(name: str, array: Any, rounding: float) -> None:
    """See that finite features are no RDM.

    Parameters
    ----------
    name : str
        What messages call it.
    array : array (num_samples, num_features)
    rounding : float
        As `rounding_of` the type in which the numbers came.

    Raises
    ------
    MethexisError
        If they are one, with how to pass it as such.
    """
    rows, columns = (int(length) for length in array.shape)
    if rows != columns or not _is_rdm(array, rounding):
        return
    raise MethexisError(
        f"{name}: expected features (num_samples, num_features), got dissimilarities of {rows} "
        "samples (a symmetric matrix, zero on its diagonal and nowhere negative); pass them as "
        "mx.measures.RDM(x), on the command line by --rdm, or, if they are features all the same, "
        "append a column of zeros"
    )


def _is_rdm(array: Any, rounding: float) -> bool:
    xp = array_api_compat.array_namespace(array)
    scale = float(xp.max(xp.abs(array)))
    if scale == 0.0 or float(xp.max(xp.abs(xp.linalg.diagonal(array)))) > rounding * scale:
        return False
    if float(xp.min(array)) < -rounding * scale:
        return False
    if float(xp.max(xp.abs(array - array.T))) > rounding * scale:
        return False
    return _is_equivalence(_on_cpu(xp.abs(array) <= rounding * scale))


def _is_equivalence(alike: NDArray[np.bool_]) -> bool:
    """Whether a symmetric relation that holds on the diagonal falls into classes."""
    first = np.argmax(alike, axis=1)
    return bool(np.array_equal(alike, first[:, None] == first[None, :]))


def _on_cpu(mask: Any) -> NDArray[np.bool_]:
    return np.asarray(mask.cpu() if array_api_compat.is_torch_array(mask) else mask)
