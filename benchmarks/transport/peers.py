"""What others do with pairs, written plainly: orthogonal Procrustes, relative representations.

Each takes pairs, and rows of both sides that are to be matched; it gives the rows that are to be
compared by cosine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import orthogonal_procrustes

from methexis.core.checks import Array

#: Most anchors of relative representations; the first of the pairs.
MOST_ANCHORS = 1024

Compared = Callable[[Array, Array, Array, Array], tuple[Array, Array]]


def procrustes(x: Array, y: Array, new_x: Array, new_y: Array) -> tuple[Array, Array]:
    """The best rotation of centred x onto centred y, in all dimensions; equal widths only."""
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    turn = orthogonal_procrustes(x - mean_x, y - mean_y)[0]
    return (new_x - mean_x) @ turn, new_y - mean_y


def relative(x: Array, y: Array, new_x: Array, new_y: Array) -> tuple[Array, Array]:
    """Cosines with the pairs as anchors (Moschella et al. 2023), of centred rows."""
    rows = []
    for known, new in ((x, new_x), (y, new_y)):
        anchors = _unit(known[:MOST_ANCHORS] - known.mean(axis=0))
        cosines = _unit(new - known.mean(axis=0)) @ anchors.T
        rows.append(cosines - cosines.mean(axis=0))
    return rows[0], rows[1]


def _unit(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1), 1e-300)[:, None])


PEERS: dict[str, Compared] = {"procrustes": procrustes, "relative": relative}
