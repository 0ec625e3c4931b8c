"""A good call of every public function and class, whose arguments the zoo then takes the place of.

`RECIPES` has one entry or more per public callable, by its public name; `tests/zoo/test_zoo.py`
fails where one is missing that `tests/zoo/public.py` does not exempt.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

import methexis as mx
from methexis import core
from methexis.measures import Measure, dropin
from methexis.training.optimisers import UpdateRule
from tests.zoo.explaining import EXPLAINING
from tests.zoo.good import COV, LABELS, OTHER, RDMS, STUDENT, TEACHER, WEIGHTS, Recipe, X, Y
from tests.zoo.methods import METHODS
from tests.zoo.probing import PROBING
from tests.zoo.public import EXEMPT, public
from tests.zoo.theory import THEORY
from tests.zoo.transport import TRANSPORT

_THEORY = {"source": TEACHER, "student": STUDENT, "weights": WEIGHTS}
_PAIR = {"x": X, "y": Y}
_FEATS = {"feats_A": X, "feats_B": Y, "topk": 3}
_STEPS = {"k": 3, "ks": [1, 3], "num_subsets": 2, "ns": [8, 14]}


def _made(cls: type[Measure[Any]]) -> Callable[..., float]:
    return lambda **options: cls(**options)(X, Y)


def _started(initialiser: Any) -> Callable[..., Any]:
    return lambda **options: initialiser(**options)(
        TEACHER, STUDENT, number=0, seed=0, replicas=[0, 1], loss="squared"
    )


def _moments(x: Any, y: Any) -> list[Any]:
    data = mx.Samples(x, y)
    return [data.cov_x, data.weight, data.cov_noise]


def _trained(**arguments: Any) -> Any:
    return mx.train(**arguments, progress=None).data["loss"].values


def _options(function: Callable[..., Any]) -> dict[str, Any]:
    """Defaults of all parameters that have a number, a truth value or a word."""
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        default = _STEPS.get(name, parameter.default)
        if isinstance(default, bool | int | float | str | list):
            found[name] = default
    return found


_SPECIAL: dict[str, Recipe] = {
    # sources and students
    "mx.Teacher": Recipe(
        mx.Teacher,
        {"weight": X[:3, :3], "cov_x": COV, "cov_noise": OTHER, "law_x": "gaussian"},
    ),
    "mx.Teacher.random": Recipe(
        mx.Teacher.random,
        {"dim_x": 3, "dim_y": 2, "rank": 2, "noise": 1.0, "condition": 2.0, "seed": 0},
    ),
    "mx.Teacher.samples": Recipe(TEACHER.samples, {"num_samples": 4, "seed": 0}),
    "mx.Teacher.product_samples": Recipe(
        TEACHER.product_samples, {"num_x": 4, "num_noise": 4, "seed": 0}
    ),
    "mx.Samples": Recipe(mx.Samples, {"x": X, "y": Y}),
    "mx.Samples, moments": Recipe(
        _moments,
        {"x": X, "y": Y},
    ),
    "mx.Samples.classes": Recipe(
        mx.Samples.classes, {"x": X[:3], "labels": np.array([0, 1, 1]), "num_classes": 2}
    ),
    "mx.View": Recipe(
        mx.View, {"matrix": X[:3, :3], "private_cov": COV, "label_matrix": Y[:2, :2]}
    ),
    "mx.View.random": Recipe(mx.View.random, {"dim_x": 3, "condition": 3.0, "seed": 0}),
    "mx.EDLN": Recipe(
        mx.EDLN,
        {"hidden": (3,), "embed_in": X[:3, :3], "embed_out": Y[:2, :2], "view": X[3:6, :3]},
    ),
    "mx.EDLN.random": Recipe(
        mx.EDLN.random, {"source": TEACHER, "hidden": (3,), "condition": 3.0, "seed": 0}
    ),
    "mx.MLP": Recipe(
        mx.MLP, {"hidden": (3,), "activation": "relu", "bias": True, "view": X[:3, :3]}
    ),
    "core.Problem.of": Recipe(
        core.Problem.of, {"source": TEACHER, "student": STUDENT, "loss": "squared"}
    ),
    # weights
    "mx.entropic_gap": Recipe(mx.entropic_gap, {"grad_out": COV, "grad_in": OTHER}),
    "mx.canonical_gauge": Recipe(mx.canonical_gauge, {"grad_out": COV, "grad_in": OTHER}),
    "theory.charge_step": Recipe(
        mx.theory.charge_step,
        {"charge": [COV], "gradients": [COV, Y[:2]], "lr": 0.1, "weight_decay": 0.1, "bias": False},
        nan=True,
    ),
    "core.gradient_charges": Recipe(
        core.gradient_charges, {"gradients": [COV, Y[:2]], "bias": False}, nan=True
    ),
    "geometry.align_maps": Recipe(
        mx.geometry.align_maps, {"map_a": X[:, :3], "map_b": Y, "cov_x": COV}
    ),
    "geometry.match_maps": Recipe(
        mx.geometry.match_maps, {"map_a": X[:, :3], "map_b": Y, "cov_x": COV}
    ),
    "geometry.match_samples": Recipe(mx.geometry.match_samples, {"features_a": X, "features_b": Y}),
    "geometry.align_samples": Recipe(mx.geometry.align_samples, {"features_a": X, "features_b": Y}),
    "geometry.gram_cosines": Recipe(
        mx.geometry.gram_cosines, {"maps": [X[:, :3], Y], "cov_x": COV}, nan=True
    ),
    "geometry.kernel_cosine": Recipe(
        mx.geometry.kernel_cosine, {"kernel_a": OTHER, "kernel_b": COV, "cov_x": COV}, nan=True
    ),
    # practice
    "mx.compare": Recipe(
        mx.compare,
        {
            **_PAIR,
            "measure": "cka",
            "preprocessing": "prh",
            "null": "permutation",
            "num_permutations": 9,
            "num_bootstrap": 9,
            "confidence": 0.9,
            "seed": 0,
            "precision": "float64",
        },
        nan=(".ci[]", ".null_mean", ".null_sd", ".p", ".effect", ".z"),
    ),
    "mx.compare, levels": Recipe(
        mx.compare,
        {**_PAIR, "references": {"untrained": Y[:, :2]}, "repeats": [X, X + Y[:, :1]]},
        {"num_bootstrap": 0},
        nan=True,
    ),
    "mx.closer": Recipe(
        mx.closer,
        {
            "a": X,
            "b": Y,
            "c": X[:, :2],
            "measure": "cka",
            "groups": [*range(len(X) - 1), 0],
            "preprocessing": "prh",
            "confidence": 0.9,
            "seed": 0,
            "precision": "float64",
            "memory": "1 GiB",
            "names": ("a", "b", "c"),
        },
        nan=True,
    ),
    "mx.closer, subjects": Recipe(mx.closer, {"a": RDMS, "b": X, "c": X[:, :2]}, nan=True),
    "mx.nearest": Recipe(
        mx.nearest,
        {
            "a": X,
            "candidates": {"y": Y, "x": X[:, :2]},
            "measure": "cka",
            "preprocessing": "prh",
            "confidence": 0.9,
            "seed": 0,
            "precision": "float64",
            "memory": "1 GiB",
        },
        nan=True,
    ),
    "mx.compare, float32": Recipe(
        mx.compare,
        {**_PAIR},
        {"precision": "float32", "num_permutations": 9, "num_bootstrap": 9},
    ),
    "mx.compare, clipped rows": Recipe(
        mx.compare, {**_PAIR}, {"preprocessing": "prh_rows", "null": "none", "num_bootstrap": 0}
    ),
    "mx.compare_all": Recipe(
        mx.compare_all,
        {
            "reps_a": [X, Y],
            "reps_b": {"a": X},
            "measure": "cka",
            "null": "auto",
            "correction": "max",
            "num_permutations": 9,
            "seed": 0,
            "memory": "1 GiB",
        },
        nan=(".data.p", ".data.z", ".data.p_corrected", ".data.q"),  # a layer and itself; no orders
    ),
    "mx.compare_all, straight": Recipe(mx.compare_all, {"reps_a": [X, Y]}, {"null": "none"}),
    # dissimilarities
    "measures.RDM": Recipe(
        mx.measures.RDM,
        {"matrix": RDMS[0].matrix, "labels": LABELS, "tolerance": 0.0},
    ),
    "measures.rdm": Recipe(
        mx.measures.rdm,
        {"x": X, "dissimilarity": "euclidean", "labels": LABELS, "precision": "float64"},
    ),
    "measures.rdm, correlation": Recipe(
        mx.measures.rdm, {"x": X}, {"dissimilarity": "correlation"}
    ),
    "measures.rdm, cosine": Recipe(mx.measures.rdm, {"x": X}, {"dissimilarity": "cosine"}),
    "measures.rdm, squared": Recipe(mx.measures.rdm, {"x": X}, {"dissimilarity": "squared"}),
    "measures.rsa, RDM": Recipe(
        lambda matrix, y: mx.measures.rsa(mx.measures.RDM(matrix), y),
        {"matrix": RDMS[0].matrix, "y": Y},
    ),
    "measures.rsa, correlation": Recipe(
        mx.measures.rsa, {**_PAIR}, {"dissimilarity": "correlation"}
    ),
    "measures.crossnobis": Recipe(
        mx.measures.crossnobis,
        {
            "measurements": X[:12],
            "conditions": ["a", "b", "c", "d", "e", "f"] * 2,
            "partitions": [0] * 6 + [1] * 6,
            "covariance": np.cov(X.T),
        },
    ),
    "measures.mahalanobis": Recipe(
        mx.measures.mahalanobis, {"x": X, "covariance": np.cov(X.T), "labels": LABELS}
    ),
    "measures.noise_covariance": Recipe(
        mx.measures.noise_covariance,
        {"residuals": X, "shrinkage": "ledoit_wolf", "degrees_of_freedom": 10},
    ),
    "measures.noise_covariance, diagonal": Recipe(
        mx.measures.noise_covariance, {"residuals": X}, {"shrinkage": "diagonal"}
    ),
    "measures.residuals": Recipe(
        mx.measures.residuals,
        {
            "measurements": X[:12],
            "conditions": ["a", "b", "c"] * 4,
            "partitions": [0] * 6 + [1] * 6,
        },
    ),
    "measures.compare_items": Recipe(
        mx.measures.compare_items,
        {
            **_PAIR,
            "items": (range(len(X)), range(len(Y))),
            "measure": "cka",
            "num_choices": 2,
            "preprocessing": "prh",
            "num_permutations": 9,
            "num_bootstrap": 9,
            "confidence": 0.9,
            "seed": 0,
        },
        nan=(".ci[]", ".null_mean", ".null_sd", ".p", ".effect", ".z"),
    ),
    "measures.compare_group": Recipe(
        mx.measures.compare_group,
        {
            "model": X,
            "rdms": RDMS,
            "comparison": "pearson",
            "dissimilarity": "euclidean",
            "num_permutations": 9,
            "num_bootstrap": 9,
            "confidence": 0.9,
            "seed": 0,
        },
        nan=(".ci[]", ".null_mean", ".null_sd", ".p"),
    ),
    "measures.compare_models": Recipe(
        mx.measures.compare_models,
        {
            "models": {"x": X, "y": Y},
            "rdms": RDMS,
            "comparison": "pearson",
            "dissimilarity": "euclidean",
            "confidence": 0.9,
        },
        nan=(".p_pairs", ".p_pairs_corrected"),  # of a model and itself
    ),
    "measures.mds": Recipe(mx.measures.mds, {"rdm": RDMS[0].matrix, "num_dimensions": 2}),
    "measures.mds, RDM": Recipe(mx.measures.mds, {"rdm": RDMS[0]}),
    "measures.noise_ceiling": Recipe(
        mx.measures.noise_ceiling, {"rdms": RDMS, "comparison": "pearson"}
    ),
    "measures.neighbour_curve": Recipe(
        mx.measures.neighbour_curve,
        {**_PAIR, "ks": [1, 3], "ns": [8, 14], "metric": "cosine", "num_subsets": 2, "seed": 0},
        nan=(".exponents", ".exponent_intervals", ".scores", ".chance", ".corrected", ".limits"),
    ),
    "measures.neighbour_scales": Recipe(
        mx.measures.neighbour_scales,
        {**_PAIR, "ks": [1, 3], "metric": "cosine", "preprocessing": "prh"},
        nan=(".sd", ".p"),
    ),
    "measures.search_curve": Recipe(
        mx.measures.search_curve,
        {
            "reps_a": {"h1": X, "h2": X[:, ::-1]},
            "reps_b": [Y],
            "measure": "cka",
            "ns": [14, 12],
            "preprocessing": "prh",
            "alpha": 0.2,
            "num_permutations": 9,
            "num_subsets": 2,
            "seed": 0,
        },
        nan=(".needed",),
    ),
    "representations.pool_tokens": Recipe(
        mx.representations.pool_tokens,
        {"array": np.stack([X, X + 1.0]), "pool": "first", "mask": [3, 4]},
    ),
    "measures.stream": Recipe(mx.measures.stream, {**_PAIR, "measures": "cka", "memory": "1 GiB"}),
    "measures.stream, several": Recipe(mx.measures.stream, {**_PAIR, "measures": ["cka", "rv"]}),
    "measures.matrix_cosine": Recipe(mx.measures.matrix_cosine, {"x": X[:, :3], "y": Y}),
    "measures.planted_pair": Recipe(
        mx.measures.planted_pair, {"cause": "noise", "strength": 0.5, "seed": 0, "background": 0.1}
    ),
    "measures.power_law": Recipe(mx.measures.power_law, {"x": X, "first": 1, "last": 3}),
    "measures.hsic, linear": Recipe(mx.measures.hsic, {**_PAIR}, {"kernel": "linear"}),
    "measures.cka, rbf": Recipe(
        mx.measures.cka, {**_PAIR, "bandwidth": 0.5}, {"kernel": "rbf", "debiased": True}
    ),
    # theory of what sources and students are made of
    "theory.platonic, arrays": Recipe(
        lambda weight, cov_x, cov_noise, embed_in, view: mx.theory.platonic(
            mx.Teacher(weight, cov_x, cov_noise), mx.EDLN((3,), embed_in=embed_in, view=view)
        ),
        {
            "weight": X[:3, :3],
            "cov_x": COV,
            "cov_noise": OTHER,
            "embed_in": Y[:3, :3],
            "view": X[3:6, :3],
        },
    ),
    "theory.entropy, samples": Recipe(
        lambda x, y: mx.theory.entropy(
            mx.Samples(x, y), mx.EDLN((2,)), [np.ones((2, 3)), np.ones((2, 2))]
        ),
        {"x": X[:, :3], "y": Y[:, :2]},
    ),
    # runs
    "init.gaussian": Recipe(_started(mx.init.gaussian), {"scale": 1.0}),
    "init.orthogonal": Recipe(_started(mx.init.orthogonal), {"scale": 1.0}),
    "init.balanced": Recipe(_started(mx.init.balanced)),
    "init.platonic_point": Recipe(_started(mx.init.platonic_point)),
    "init.random_minima": Recipe(
        _started(mx.init.random_minima), {"spread": 0.5, "distribution": "lognormal"}
    ),
    "schedules.Schedule": Recipe(
        lambda kind, final, first, count, total: mx.schedules.Schedule(kind, final).factors(
            first, count, total
        ),
        {"kind": "cosine", "final": 0.1, "first": 0, "count": 3, "total": 4},
    ),
    "schedules.constant": Recipe(mx.schedules.constant),
    "schedules.cosine": Recipe(mx.schedules.cosine, {"final": 0.1}),
    "schedules.inverse_time": Recipe(mx.schedules.inverse_time, {"final": 0.1}),
    "mx.train": Recipe(
        _trained,
        {
            "students": STUDENT,
            "source": TEACHER,
            "optimiser": mx.SGD(lr=0.01),
            "steps": 3,
            "batch": 2,
            "sampling": "online",
            "paired": True,
            "loss": "squared",
            "label_noise": 0.1,
            "init": [WEIGHTS],
            "replicas": 2,
            "seed": 0,
            "engine": "reference",
            "dtype": "float64",
            "threads": 1,
            "record": [1, 3],
        },
        nan=True,
        skip=(("init", "class"),),  # a callable is an initialiser; what it raises is its own
    ),
    "mx.train, weights": Recipe(
        lambda first, second: _trained(
            students=STUDENT,
            source=TEACHER,
            optimiser=mx.SGD(lr=0.01),
            steps=3,
            init=[[first, second]],
        ),
        {"first": WEIGHTS[0], "second": WEIGHTS[1]},
        nan=True,
    ),
    "mx.open_run": Recipe(mx.open_run, {"path": "no such run"}),
    "representations.load": Recipe(
        mx.representations.load,
        {"path": "no such file", "pool": "mean", "layers": "a", "replica": 0, "seed": 0},
    ),
    # drop-ins
    "dropin.calibrate": Recipe(
        dropin.calibrate,
        {"X": X, "Y": Y, "sim": "cka", "K": 9, "alpha": 0.1, "smax": 1.0, "seed": 0},
    ),
    "dropin.calibrate_layers": Recipe(
        dropin.calibrate_layers,
        {
            "X_layers": [X, Y],
            "Y_layers": [Y],
            "sim": "cka",
            "agg": "max",
            "K": 9,
            "alpha": 0.1,
            "smax": 1.0,
            "seed": 0,
        },
    ),
    "dropin.cka": Recipe(
        dropin.cka, {"feats_A": X, "feats_B": Y, "kernel_metric": "ip", "unbiased": False}
    ),
    "dropin.cka, rbf": Recipe(
        dropin.cka, {"feats_A": X, "feats_B": Y, "rbf_sigma": 1.0}, {"kernel_metric": "rbf"}
    ),
    "dropin.unbiased_cka": Recipe(dropin.unbiased_cka, {"feats_A": X, "feats_B": Y}),
    "dropin.svcca": Recipe(dropin.svcca, {"feats_A": X, "feats_B": Y, "cca_dim": 2}),
    "dropin.cknna": Recipe(dropin.cknna, {**_FEATS, "distance_agnostic": False, "unbiased": True}),
}


def _common(name: str, value: Any) -> Recipe | None:
    """Recipes of what is called like its siblings: measures, optimisers, theory at weights."""
    if inspect.isclass(value):
        if issubclass(value, Measure) and value is not Measure:
            return Recipe(_made(value), _options(value))
        if issubclass(value, UpdateRule):
            return Recipe(value, {"lr": 0.1, **_options(value)})
        if name == "mx.GradientFlow":
            return Recipe(value, {"lr": 0.1, "rtol": 1e-6})
        if name == "measures.Preprocessing":
            return Recipe(value, {"clip_quantile": 0.5, **_options(value)})
        return None
    parameters = list(inspect.signature(value).parameters)
    if parameters[:2] == ["x", "y"]:
        return Recipe(value, {**_PAIR, **_options(value)})
    if parameters[:1] == ["x"]:
        return Recipe(value, {"x": X, **_options(value)})
    if parameters[:2] == ["feats_A", "feats_B"]:
        return Recipe(value, dict(_FEATS))
    if parameters[:3] == ["source", "student", "weights"]:
        return Recipe(value, {**_THEORY, **_options(value)})
    if parameters[:2] == ["source", "student"]:
        return Recipe(value, {"source": TEACHER, "student": STUDENT, **_options(value)})
    return None


RECIPES: dict[str, Recipe] = {
    **_SPECIAL,
    **THEORY,
    **METHODS,
    **PROBING,
    **EXPLAINING,
    **TRANSPORT,
}
for _name, _value in public():
    if _name not in RECIPES and _name not in EXEMPT:
        _found = _common(_name, _value)
        if _found is not None:
            RECIPES[_name] = _found
