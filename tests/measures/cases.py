"""Inputs for the tests of measures, and every measure with the options worth testing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.measures import MEASURES, Invariance, Measure
from methexis.measures.inputs.features import features

#: Options beside the defaults, by the name of the measure. A measure without an entry is tested
#: with its defaults only.
MORE: dict[str, list[dict[str, Any]]] = {
    "cka": [
        {"kernel": "rbf"},
        {"kernel": "rbf", "bandwidth": 0.5, "debiased": True},
        {"debiased": True},
        {"debiased": True, "estimator": "lange"},
        {"debiased": True, "sampled_features": True},
    ],
    "hsic": [{"kernel": "linear"}, {"debiased": True}, {"kernel": "linear", "debiased": True}],
    "rv": [{"modified": True}],
    "distance_correlation": [{"debiased": True}],
    "cknna": [{"metric": "dot"}, {"definition": "code"}],
    "cycle_knn": [{"k": 3, "metric": "euclidean"}],
    "edit_distance_knn": [{"k": 5, "metric": "euclidean"}],
    "jaccard_knn": [{"k": 5, "metric": "euclidean"}],
    "lcs_knn": [{"k": 5, "metric": "euclidean"}],
    "mutual_knn": [{"k": 5, "metric": "euclidean"}, {"k": 3, "metric": "dot"}],
    "rank_similarity": [{"k": 5, "metric": "euclidean"}],
    "second_order_cosine": [{"k": 5, "profile": "distance"}],
    "procrustes": [{"alpha": 0.0}, {"alpha": 0.5}],
    "procrustes_distance": [{"alpha": 0.0}, {"alpha": 0.5}],
    "bures": [{"kernel": "rbf"}],
    "bures_distance": [{"kernel": "rbf", "bandwidth": 0.5}],
    "linear_predictivity": [
        {"direction": "forward", "ridge": 0.1},
        {"direction": "backward", "num_folds": 10, "seed": 3},
    ],
    "matching": [{"absolute": True}, {"absolute": True, "weighted": True}],
    "soft_matching": [{"absolute": True}],
    "cca": [{"squared": True}],
    "svcca": [
        {"num_directions": 2},
        {"num_directions": 3, "standardise": True},
        {"variance": 0.9, "squared": True},
    ],
    "gulp": [{"ridge": 0.0}, {"ridge": 1.0}],
    "rsa": [
        {"dissimilarity": "squared"},
        {"dissimilarity": "correlation", "comparison": "spearman"},
        {"dissimilarity": "cosine", "comparison": "cosine"},
        {"comparison": "spearman"},
    ],
    "rsa_whitened": [
        {"comparison": "correlation"},
        {"dissimilarity": "correlation"},
        {"dissimilarity": "cosine"},
    ],
    "rsa_kendall": [{"variant": "b"}, {"dissimilarity": "correlation"}],
}

VARIANTS: list[Measure[Any]] = [
    entry(**options) for name, entry in MEASURES.items() for options in ({}, *MORE.get(name, []))
]


def label(measure: Measure[Any]) -> str:
    options = ",".join(f"{k}={v}" for k, v in measure.options().items())
    return f"{measure.name}({options})"


def related(n: int = 40, dx: int = 6, dy: int = 5, seed: int = 0) -> tuple[Array, Array]:
    """Two representations with something in common: linear images of shared signals, and noise."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 3)) * [3.0, 2.0, 1.0]
    x = shared @ rng.normal(size=(3, dx)) + 0.5 * rng.normal(size=(n, dx)) + 1.0
    y = shared @ rng.normal(size=(3, dy)) + 0.5 * rng.normal(size=(n, dy)) - 0.5
    return x, y


def unrelated(n: int = 40, dx: int = 6, dy: int = 5, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dx)), rng.normal(size=(n, dy))


def measured(measure: Measure[Any], x: Any, y: Any) -> float:
    a, b = (measure.reduce(features(n, v)) for n, v in (("X", x), ("Y", y)))
    return measure.score(a, b)


def _orthogonal(d: int, seed: int, *, determinant: float) -> Array:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))
    q = q * np.sign(np.diagonal(r))
    if np.linalg.det(q) * determinant < 0:
        q[:, 0] *= -1
    return q


def _invertible(d: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(d, d)) + 2.0 * np.diag(np.geomspace(1.0, 3.0, d))


#: For each group, a member far from the identity, acting on the features of a representation.
ACTIONS: dict[Invariance, Callable[[Array], Array]] = {
    Invariance.ROTATION: lambda x: x @ _orthogonal(x.shape[1], 1, determinant=1.0),
    Invariance.ORTHOGONAL: lambda x: x @ _orthogonal(x.shape[1], 2, determinant=-1.0),
    Invariance.PERMUTATION: lambda x: x[:, np.random.default_rng(3).permutation(x.shape[1])],
    Invariance.SCALE: lambda x: 3.7 * x,
    Invariance.INVERTIBLE: lambda x: x @ _invertible(x.shape[1], 4),
    Invariance.TRANSLATION: lambda x: x + np.linspace(-2.0, 3.0, x.shape[1]),
}
