"""Optimal transport between two sets of units: the one place that imports POT."""

from __future__ import annotations

from importlib.util import find_spec

import lazy_loader
import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError

#: Whether POT, imported as ``ot``, is installed.
INSTALLED = find_spec("ot") is not None

ot = lazy_loader.load("ot")  # takes seconds to import, so only when it is used


def best_plan(gain: Array) -> Array:
    """The plan ``P >= 0`` of greatest ``Σ P_ij gain_ij``, with rows of 1/d_x and columns of 1/d_y.

    Raises
    ------
    MethexisError
        If POT is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> best_plan(np.array([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    if not INSTALLED:
        raise MethexisError(
            "soft matching: expected the package POT, got none; pip install 'methexis[matching]'"
        )
    rows, columns = (np.full(length, 1.0 / length) for length in gain.shape)
    return np.asarray(ot.emd(rows, columns, np.ascontiguousarray(-gain), numItermax=10_000_000))
