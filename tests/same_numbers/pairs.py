"""One comparison after the other: every measure, with every option, on several inputs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

import methexis as mx
from tests.same_numbers.plain import outcome

#: Options beside the defaults, by the name of the measure.
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "cka": [
        {"kernel": "rbf"},
        {"kernel": "rbf", "bandwidth": 0.5},
        {"kernel": "rbf", "bandwidth": 0.5, "debiased": True},
        {"kernel": "rbf", "debiased": True, "estimator": "lange"},
        {"debiased": True},
        {"debiased": True, "estimator": "lange"},
        {"debiased": True, "sampled_features": True},
        {"estimator": "lange"},  # refused
    ],
    "hsic": [
        {"kernel": "linear"},
        {"debiased": True},
        {"bandwidth": 2.0},
        {"kernel": "linear", "debiased": True},
    ],
    "rv": [{"modified": True}],
    "distance_correlation": [{"debiased": True}],
    "cknna": [
        {"metric": "dot"},
        {"definition": "code"},
        {"k": 4, "metric": "dot", "definition": "code"},
        {"k": 5, "offset": 0.1},
        {"k": 1},
    ],
    "cycle_knn": [{"k": 3}, {"k": 3, "metric": "euclidean"}, {"metric": "dot"}],
    "edit_distance_knn": [{"k": 5}, {"k": 5, "metric": "euclidean"}, {"metric": "dot"}],
    "jaccard_knn": [{"k": 5}, {"k": 5, "metric": "euclidean"}, {"metric": "dot"}],
    "lcs_knn": [{"k": 5}, {"k": 5, "metric": "euclidean"}, {"metric": "dot"}],
    "mutual_knn": [
        {"k": 1},
        {"k": 5, "metric": "euclidean"},
        {"k": 3, "metric": "dot"},
        {"k": 1000},  # refused
        {"metric": "cityblock"},  # refused
    ],
    "rank_similarity": [{"k": 5}, {"k": 5, "metric": "euclidean"}, {"metric": "dot"}],
    "second_order_cosine": [{"k": 5}, {"k": 5, "profile": "distance"}],
    "procrustes": [{"alpha": 0.0}, {"alpha": 0.5}],
    "procrustes_distance": [{"alpha": 0.0}, {"alpha": 0.5}],
    "bures": [{"kernel": "rbf"}, {"kernel": "rbf", "bandwidth": 0.5}],
    "bures_distance": [{"kernel": "rbf"}, {"kernel": "rbf", "bandwidth": 0.5}],
    "linear_predictivity": [
        {"direction": "forward", "ridge": 0.1},
        {"direction": "backward", "num_folds": 10, "seed": 3},
    ],
    "matching": [{"absolute": True}],
    "soft_matching": [{"absolute": True}],
    "cca": [{"squared": True}],
    "svcca": [
        {"num_directions": 2},
        {"num_directions": 3, "standardise": True},
        {"variance": 0.9, "squared": True},
    ],
    "pwcca": [{"weights": "first"}, {"weights": "narrower"}],
    "gulp": [{"ridge": 0.0}, {"ridge": 1.0}],
    "rsa": [
        {"dissimilarity": "squared"},
        {"dissimilarity": "correlation", "comparison": "spearman"},
        {"dissimilarity": "cosine", "comparison": "cosine"},
        {"comparison": "spearman"},
        {"comparison": "cosine"},
    ],
    "rsa_whitened": [
        {"comparison": "correlation"},
        {"dissimilarity": "euclidean"},
        {"dissimilarity": "correlation"},
        {"dissimilarity": "cosine", "comparison": "correlation"},
    ],
    "rsa_kendall": [
        {"variant": "b"},
        {"dissimilarity": "correlation"},
        {"dissimilarity": "squared", "variant": "b"},
        {"dissimilarity": "cosine"},
    ],
}

#: Numbers of samples and of features.
SHAPES: dict[str, tuple[int, int, int]] = {
    "narrow": (40, 5, 7),
    "square": (60, 30, 30),
    "wide": (30, 50, 40),
    "single": (36, 6, 4),  # of float32
    "long": (120, 6, 5),
}
#: Measures of linear kernels, which work from features where there are more than 8192 samples. Each
#: estimator has its null once, for that takes a second.
LARGE: list[tuple[str, dict[str, Any], str]] = [
    ("cka", {}, "auto"),
    ("cka", {"debiased": True}, "auto"),
    ("cka", {"debiased": True, "estimator": "lange"}, "none"),
    ("hsic", {"kernel": "linear"}, "none"),
    ("hsic", {"kernel": "linear", "debiased": True}, "none"),
    ("rv", {}, "none"),
    ("rv", {"modified": True}, "none"),
    ("gram_cosine", {}, "permutation"),
    ("procrustes", {}, "auto"),
    ("cca", {}, "auto"),
]
#: Orders and resamples with default options, and with others.
MANY, FEW = 29, 9


def related(n: int, dx: int, dy: int, seed: int) -> tuple[Any, Any]:
    """Two representations with something in common, without ties."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 3)) * [3.0, 2.0, 1.0]
    x = shared @ rng.normal(size=(3, dx)) + 0.7 * rng.normal(size=(n, dx)) + 1.0
    y = shared @ rng.normal(size=(3, dy)) + 0.7 * rng.normal(size=(n, dy)) - 0.5
    return x, y


def inputs(name: str) -> tuple[Any, Any]:
    """Both representations, drawn from a seed of their own."""
    x, y = related(*SHAPES[name], seed=list(SHAPES).index(name) + 100)
    if name == "single":
        return x.astype(np.float32), y.astype(np.float32)
    return x, y


def label(options: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in options.items()) or "defaults"


def compared(x: Any, y: Any, measure: str, *, drawn: int = MANY, **settings: Any) -> Any:
    """What `compare` finds, without what only repeats the question."""
    settings = {"num_permutations": drawn, "num_bootstrap": drawn} | settings

    def result() -> dict[str, Any]:
        found = mx.compare(x, y, measure, **settings).as_dict()
        notes = Counter(found["notes"])
        kept = {k: v for k, v in found.items() if k not in {"measure", "confidence", "seed", "n"}}
        return kept | {"notes": [f"{note} (x {count})" for note, count in notes.items()]}

    return outcome(result)


def pairs(measure: str) -> dict[str, Any]:
    """All comparisons by one measure."""
    given = {name: inputs(name) for name in SHAPES}
    found: dict[str, Any] = {"defaults": _everywhere(given, measure)}
    for options in OPTIONS.get(measure, []):
        found[label(options)] = {
            name: compared(*given[name], measure, drawn=FEW, **options)
            for name in ("narrow", "square", "wide")
        } | {"none": compared(*given["long"], measure, null="none", drawn=0, **options)}
    return found


def _everywhere(given: dict[str, tuple[Any, Any]], measure: str) -> dict[str, Any]:
    """Comparisons with default options: on every input, with every null and preprocessing."""
    found: dict[str, Any] = {}
    for name, (x, y) in given.items():
        found[name] = compared(x, y, measure, drawn=FEW if name == "long" else MANY)
    x, y = given["narrow"]
    found |= {
        "permutation": compared(x, y, measure, null="permutation"),
        "none": compared(x, y, measure, null="none", drawn=0),
    }
    x, y = given["square"]
    return found | {
        "moments": compared(x, y, measure, null="moments", drawn=0),
        "prh": compared(x, y, measure, preprocessing="prh", drawn=FEW),
        "prh_rows": compared(x, y, measure, preprocessing="prh_rows", seed=5, drawn=FEW),
        "exchanged": compared(y, x, measure, null="none", drawn=0),
        "itself": compared(x, x, measure, drawn=9),
        "float32": compared(x, y, measure, precision="float32", null="none", drawn=0),
        "function": outcome(lambda: getattr(mx.measures, measure)(x, y)),
    }


def described(measure: str) -> Any:
    """What a measure says of itself."""
    entry = mx.measures.MEASURES[measure]()
    names = ("name", "title", "range", "aligned", "distance", "symmetric", "invariances", "options")
    values = {name: getattr(entry, name) for name in names}
    return outcome(lambda: values | {"options": values["options"]()})


def large() -> dict[str, Any]:
    """Measures of linear kernels on so many samples that no matrix over pairs is made."""
    x, y = related(8300, 6, 5, seed=7)
    found = {}
    for measure, options, null in LARGE:
        drawn = {"num_bootstrap": 3 if null == "auto" else 0, "num_permutations": 3}
        settings = {"null": null} | drawn | options
        found[f"{measure}, {label(options)}"] = compared(x, y, measure, **settings)
    return found
