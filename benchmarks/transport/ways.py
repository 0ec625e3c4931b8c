"""What others do with pairs: Procrustes, relative representations, ridge regression, latentis.

Each takes pairs, and rows of both sides that are to be matched; it gives the rows that are to be
compared by cosine, to find for rows of the first side those of the second. Rows are about the means
of the pairs, because no way finds more about zero. Predictions by regression are in standard
deviations of the pairs, as those of latentis are, because they find more of word vectors so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from scipy.linalg import orthogonal_procrustes
from sklearn.linear_model import RidgeCV

from benchmarks.processes import ROOT
from methexis.core.checks import Array

#: Most anchors of relative representations; the first of the pairs.
MOST_ANCHORS = 1024
#: Ridges among which regression chooses, in units of the total of a feature's squares.
RIDGES = np.logspace(-5, 2, 15)
#: Where `make bench-transport` installs latentis.
LATENTIS = ROOT / "build" / "transport"

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


def ridge(x: Array, y: Array, new_x: Array, new_y: Array) -> tuple[Array, Array]:
    """Ridge regression by scikit-learn, whose ridge leaving one out chooses."""
    alphas = RIDGES * len(x) * float(np.mean(np.var(x, axis=0)))
    fitted = RidgeCV(alphas=alphas).fit(x, y)
    mean, size = y.mean(axis=0), y.std(axis=0)
    return np.asarray((fitted.predict(new_x) - mean) / size), np.asarray((new_y - mean) / size)


def _unit(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1), 1e-300)[:, None])


#: Ways that need nothing but the development versions.
PLAIN: Mapping[str, Compared] = {"procrustes": procrustes, "relative": relative, "ridge": ridge}
#: Those that are there between equal widths only.
EQUAL_WIDTHS = {"procrustes"}


def all_ways(equal_widths: bool) -> dict[str, Compared]:
    """The ways that can be measured: those of latentis where it is installed."""
    known = {name: way for name, way in PLAIN.items() if equal_widths or name not in EQUAL_WIDTHS}
    return known | latentis_ways()


def latentis_ways() -> dict[str, Compared]:
    """The translators of latentis; none where it is not installed."""
    if LATENTIS.is_dir() and str(LATENTIS) not in sys.path:
        sys.path.append(str(LATENTIS))
    if find_spec("latentis") is None:
        return {}
    peer = import_module("benchmarks.transport.peers.latentis_peer")  # imports PyTorch
    return dict(peer.ways())
