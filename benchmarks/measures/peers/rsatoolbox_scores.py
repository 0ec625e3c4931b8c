"""rsatoolbox: representational dissimilarities and their comparison."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import warnings

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import rsatoolbox  # noqa: E402
from pairs import prepare_with, scores_with  # noqa: E402


def start(threads: int) -> dict[str, str]:
    return {"rsatoolbox": version("rsatoolbox")}


def _rsa(dissimilarity, comparison):
    def score(x, y):
        one, other = (
            rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(v), method=dissimilarity)
            for v in (x, y)
        )
        return rsatoolbox.rdm.compare(one, other, method=comparison)[0, 0]

    return score


def _double(array):
    return np.asarray(array, dtype=np.float64)


_names = {"correlation": "correlation", "euclidean": "squared"}
_ways = {"corr": "pearson", "spearman": "spearman", "cosine": "cosine"}
prepare = prepare_with({}, _double)
scores = scores_with(
    {
        f"{given}, {how}": (
            "rsa", {"dissimilarity": ours, "comparison": way}, _rsa(given, how),
        )
        for given, ours in _names.items()
        for how, way in _ways.items()
    }
    | {
        f"{given}, {how}": (
            "rsa_kendall", {"dissimilarity": ours, "variant": way}, _rsa(given, how),
        )
        for given, ours in _names.items()
        for how, way in (("tau-a", "a"), ("tau-b", "b"))
    },
    _double,
)  # fmt: skip
