"""rsatoolbox on the same input, by our names.

``PEERS`` has every combination of dissimilarity and comparison that both have, as functions of two
representations. Where names differ: its ``euclidean`` is squared and divided by the number of
features, its roots come from `sqrt_transform`; ``corr_cov`` and ``cosine_cov`` are the whitened
comparisons. It has no cosine dissimilarity.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import RDMs, calc_rdm, compare, sqrt_transform

#: Our names of dissimilarities and comparisons, and its names.
DISSIMILARITIES = {"euclidean": "euclidean", "squared": "euclidean", "correlation": "correlation"}
COMPARISONS = {
    "pearson": "corr",
    "spearman": "spearman",
    "cosine": "cosine",
    "whitened_cosine": "cosine_cov",
    "whitened_correlation": "corr_cov",
    "tau_a": "tau-a",
    "tau_b": "tau-b",
}
Score = Callable[[Any, Any], float]


def distances(x: Any, dissimilarity: str) -> RDMs:
    """The RDM of a representation."""
    found = calc_rdm(Dataset(np.asarray(x)), method=DISSIMILARITIES[dissimilarity])
    return sqrt_transform(found) if dissimilarity == "euclidean" else found


def score(x: Any, y: Any, dissimilarity: str, comparison: str) -> float:
    """The score of two representations."""
    one, two = (distances(v, dissimilarity) for v in (x, y))
    return float(compare(one, two, method=COMPARISONS[comparison])[0, 0])


#: Every combination, by ``"dissimilarity/comparison"``.
PEERS: dict[str, Score] = {
    f"{kind}/{how}": partial(score, dissimilarity=kind, comparison=how)
    for kind, how in product(DISSIMILARITIES, COMPARISONS)
}
