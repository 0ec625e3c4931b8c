"""All pairs of layers at once: every measure, every null and correction."""

from __future__ import annotations

from typing import Any

import numpy as np

import methexis as mx
from tests.same_numbers.pairs import label
from tests.same_numbers.plain import outcome, plain

NUM_SAMPLES = 30
#: Options of which the pairs of a grid are made in ways of their own.
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("cka", {"debiased": True}),
    ("cka", {"debiased": True, "estimator": "lange"}),
    ("cka", {"debiased": True, "sampled_features": True}),
    ("cka", {"kernel": "rbf"}),
    ("hsic", {"kernel": "linear"}),
    ("rv", {"modified": True}),
    ("mutual_knn", {"k": 4, "metric": "euclidean"}),
    ("rsa", {"dissimilarity": "correlation", "comparison": "spearman"}),
    ("procrustes", {"alpha": 0.5}),
]
#: Settings of `compare_all` by a name.
SETTINGS: dict[str, dict[str, Any]] = {
    "auto, max": {},
    "auto, holm": {"correction": "holm"},
    "moments": {"null": "moments", "num_permutations": 0},
    "permutation, holm": {"null": "permutation", "correction": "holm"},
    "none": {"null": "none"},
    "prh": {"preprocessing": "prh", "seed": 3},
}


def layers(seed: int, widths: tuple[int, ...], dtype: str = "float64") -> dict[str, Any]:
    """Layers of one model: each a little further from signals that all models share."""
    shared = np.random.default_rng(50).normal(size=(NUM_SAMPLES, 3)) * [3.0, 2.0, 1.0]
    rng = np.random.default_rng(seed)
    return {
        f"layer{k}": (
            shared @ rng.normal(size=(3, d)) + (0.5 + k) * rng.normal(size=(NUM_SAMPLES, d)) + 0.3
        ).astype(dtype)
        for k, d in enumerate(widths)
    }


def models() -> tuple[dict[str, Any], dict[str, Any]]:
    return layers(51, (4, 6, 9)), layers(52, (5, 7))


def grid(a: Any, b: Any, measure: str, **settings: Any) -> Any:
    """The arrays and attributes of a grid, and its line of text."""
    settings = {"num_permutations": 19} | settings

    def result() -> Any:
        found = mx.compare_all(a, b, measure, **settings)
        data = plain(found.data)
        for name in ("layer_a", "layer_b", "name_a", "name_b", "model_a", "model_b"):
            data.pop(name, None)
        return data | {"best": plain(found.best()), "text": str(found)}

    return outcome(result)


def of_measure(measure: str) -> dict[str, Any]:
    """Grids of two models by every null and correction, and of one model with itself."""
    a, b = models()
    entry = mx.measures.MEASURES[measure]
    names = list(SETTINGS) if entry.tier == 1 else ["auto, max", "none"]
    found = {name: grid(a, b, measure, **SETTINGS[name]) for name in names}
    return found | {"itself": grid(a, None, measure)}


def of_options() -> dict[str, Any]:
    """The same of some options."""
    a, b = models()
    found = {}
    for measure, options in OPTIONS:
        for name in ("auto, max", "none"):
            title = f"{measure}, {label(options)}; {name}"
            found[title] = grid(a, b, measure, **SETTINGS[name], **options)
        found[f"{measure}, {label(options)}; itself"] = grid(a, None, measure, **options)
    return found


def of_inputs() -> dict[str, Any]:
    """Other input: single precision, lists, several models, dissimilarities, little memory."""
    a, b = models()
    single = [layers(seed, (4, 6), "float32") for seed in (51, 52)]
    rdms = {name: mx.measures.rdm(x, "correlation") for name, x in b.items()}
    found = {}
    for precision in ("auto", "float64", "float32"):
        found[f"single, {precision}"] = grid(
            *single, "cka", null="none", precision=precision, debiased=True
        )
    found["single, null"] = grid(*single, "cka")
    found["lists"] = grid(list(a.values()), list(b.values()), "cka")
    found["models"] = grid({"a": a, "b": b}, None, "mutual_knn", k=4)
    found["dissimilarities"] = grid(a, rdms, "rsa")
    found["dissimilarities, refused"] = grid(a, rdms, "cka")
    found["memory"] = grid(a, b, "cka", memory="96 MiB")
    found["memory, refused"] = grid(a, b, "rsa", memory="1 KiB")
    found["other samples"] = grid(a, {"short": np.ones((7, 2))}, "cka")
    found["null, refused"] = grid(a, b, "cka", null="gauss")
    return found
