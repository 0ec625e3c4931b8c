"""scikit-learn and SciPy: nearest neighbours, CCA and Procrustes as one writes them by hand."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import warnings

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
from pairs import prepare_with, scores_with  # noqa: E402
from scipy.spatial import procrustes  # noqa: E402
from sklearn.cross_decomposition import CCA  # noqa: E402
from sklearn.neighbors import NearestNeighbors  # noqa: E402


def start(threads: int) -> dict[str, str]:
    return {"scikit-learn": version("scikit-learn"), "scipy": version("scipy")}


def _knn(x, y, k=10):
    found = []
    for v in (x, y):
        finder = NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(v)
        found.append(finder.kneighbors(return_distance=False))
    return np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(*found, strict=True)])


def _cca(x, y):
    d = min(x.shape[1], y.shape[1])
    model = CCA(n_components=d, max_iter=5000, tol=1e-12).fit(x, y)
    u, v = model.transform(x, y)
    return np.mean([np.corrcoef(u[:, i], v[:, i])[0, 1] for i in range(d)])


def _procrustes(x, y):
    """The score from SciPy's disparity, 1 - score², of features of equal numbers."""
    d = max(x.shape[1], y.shape[1])
    x, y = (np.pad(v, ((0, 0), (0, d - v.shape[1]))) for v in (x, y))
    return np.sqrt(1.0 - procrustes(x, y)[2])


def _same(array):
    return array


prepare = prepare_with({"mutual_knn": _knn}, _same)
scores = scores_with(
    {
        "NearestNeighbors": ("mutual_knn", {"k": 10}, _knn),
        "CCA": ("cca", {}, _cca),
        "scipy procrustes": ("procrustes", {}, _procrustes),
    },
    _same,
)
