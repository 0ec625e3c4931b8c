"""Good calls of public methods, and of what only whole jobs are asked with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

import methexis as mx
from methexis import scenarios
from tests.zoo.good import LABELS, RDMS, STUDENT, TEACHER, WEIGHTS, Recipe, X, Y

_RUN = mx.train([STUDENT, STUDENT], TEACHER, mx.SGD(lr=0.01), steps=3, replicas=2, progress=None)
_GRID = mx.compare_all([X, Y], measure="cka", null="permutation", num_permutations=9)
_RANKING = mx.nearest(X, {"y": Y, "twice": X[:, :2]})
_LEVELS = mx.compare(X, Y, references={"twice": X[:, :2]}, num_bootstrap=0).levels
_LABELLED = mx.measures.rdm(X, labels=LABELS)
_VIEW = mx.View(matrix=X[:2, :3], label_matrix=Y[:2, :2])
_PAIR = mx.measures.planted_pair("noise", 0.5)
_RATES = mx.theory.relaxation(TEACHER, STUDENT, lr=0.1)


def _drawn(**given: Any) -> Any:
    return _PAIR.samples(**given)


_CURVE = mx.measures.neighbour_curve(X, Y, ks=[1, 3], ns=[8, 14], num_subsets=2)
_SCALES = mx.measures.neighbour_scales(X, Y, ks=[1, 3])
_SEARCH = mx.measures.search_curve([X], [Y], ns=[14, 12], num_permutations=9, num_subsets=2)
_PATH = mx.theory.slow_drift(TEACHER, STUDENT, WEIGHTS, lr=0.05, steps=20)

_LONG = np.random.default_rng(3).normal(size=(40, 3))
_ALL_EXPLAINED = mx.explain_all({"h": _LONG}, {"g": _LONG[:, ::-1]})
_EXPLAINED = _ALL_EXPLAINED.best()


def _pictured(plot: Callable[..., Axes]) -> Callable[..., str]:
    """Draw, and let go of the figure: there are many calls."""

    def call(**given: Any) -> str:
        axes = plot(**given)
        pyplot.close(axes.get_figure(root=True))
        return axes.get_ylabel()

    return call


def _predicted(**given: Any) -> Any:
    return _RUN.predict(**given).worst_pair()


METHODS: dict[str, Recipe] = {
    "mx.Run.plot": Recipe(
        _pictured(_RUN.plot), {"ax": None, "quantity": "loss", "projected": False}
    ),
    "mx.Run.predict": Recipe(
        _predicted,
        {"replicas": 1, "source": TEACHER, "rtol": 1e-4, "patience": 30.0, "progress": None},
    ),
    "training.Predicted.plot": Recipe(
        _pictured(_RUN.predict(progress=None).plot), {"ax": None, "quantity": "worst_pair"}
    ),
    "mx.Run.to_dataframe": Recipe(_RUN.to_dataframe, {"per": "pair"}),
    "mx.Grid.plot": Recipe(_pictured(_GRID.plot), {"ax": None, "alpha": 0.05}),
    "mx.Comparison.plot": Recipe(
        _pictured(mx.compare(X, Y, measure="cka", num_bootstrap=9).plot), {"ax": None}
    ),
    "measures.RDM.plot": Recipe(_pictured(RDMS[0].plot), {"ax": None}),
    "measures.RDM.arranged": Recipe(_LABELLED.arranged, {"labels": LABELS}),
    "measures.GroupComparison.plot": Recipe(
        _pictured(mx.measures.compare_group(X, RDMS).plot), {"ax": None}
    ),
    "mx.Closer.plot": Recipe(_pictured(mx.closer(X, Y, X[:, :2]).plot), {"ax": None}),
    "mx.Ranking.plot": Recipe(_pictured(_RANKING.plot), {"ax": None}),
    "measures.Levels.plot": Recipe(_pictured(_LEVELS.plot), {"ax": None}),
    "schedules.Schedule.plot": Recipe(_pictured(mx.schedules.cosine().plot), {"ax": None}),
    "measures.MDS.plot": Recipe(_pictured(mx.measures.mds(RDMS[0]).plot), {"ax": None}),
    "measures.ModelComparison.plot": Recipe(
        _pictured(mx.measures.compare_models([X, Y], RDMS).plot), {"ax": None}
    ),
    "mx.Explanation.plot": Recipe(_pictured(_EXPLAINED.plot), {"ax": None}),
    "mx.Explanation.rung_named": Recipe(_EXPLAINED.rung_named, {"name": "rotation"}),
    "mx.Explanations.plot": Recipe(_pictured(_ALL_EXPLAINED.plot), {"ax": None}),
    "measures.NeighbourCurve.plot": Recipe(_pictured(_CURVE.plot), {"ax": None}),
    "measures.NeighbourScales.plot": Recipe(_pictured(_SCALES.plot), {"ax": None}),
    "measures.NeighbourScales.said": Recipe(_SCALES.said, {"alpha": 0.1}),
    "measures.NeighbourScales.shared": Recipe(_SCALES.shared, {"alpha": 0.1}),
    "measures.SearchCurve.plot": Recipe(_pictured(_SEARCH.plot), {"ax": None}),
    "theory.SlowPath.plot": Recipe(_pictured(_PATH.plot), {"ax": None, "quantity": "entropy"}),
    "mx.Run.activations": Recipe(
        _RUN.activations, {"x": X[:, :3], "student": 1, "layer": 1, "replica": 1}
    ),
    "mx.Run.snapshots": Recipe(_RUN.snapshots, {"student": 1}),
    "mx.Run.bias_snapshots": Recipe(_RUN.bias_snapshots, {"student": 1}),
    "mx.Run.worst_pair": Recipe(_RUN.worst_pair, {"projected": False}, nan=True),
    "mx.Run.measure": Recipe(
        _RUN.measure, {"quantity": "sharpness", "at": [3], "source": None}, nan=True
    ),
    "mx.Ranking.difference": Recipe(_RANKING.difference, {"one": 0, "other": 1}),
    "measures.Levels.named": Recipe(_LEVELS.named, {"name": "twice"}, nan=True),
    "mx.Grid.significant": Recipe(_GRID.significant, {"alpha": 0.05}),
    "mx.Grid.weak": Recipe(_GRID.weak, {"alpha": 0.05}),
    "mx.View.input_matrix": Recipe(_VIEW.input_matrix, {"dim_x": 3}),
    "mx.View.output_matrix": Recipe(_VIEW.output_matrix, {"dim_y": 2}),
    "measures.PlantedPair.samples": Recipe(_drawn, {"num_samples": 3, "seed": 0}),
    "theory.Relaxation.slow_time": Recipe(_RATES.slow_time, {"reduction": 10.0}),
    "schedules.Schedule.factors": Recipe(
        mx.schedules.cosine(final=0.1).factors, {"first": 0, "count": 3, "total": 4}
    ),
    "schedules.Schedule.sums_of_squares": Recipe(
        mx.schedules.cosine(final=0.1).sums_of_squares,
        {"steps": np.array([0, 1, 3]), "total": 4},
    ),
    # whole jobs
    "scenarios.measures_named": Recipe(
        scenarios.measures_named, {"names": ["cka", "mutual_knn:k=3"], "settings": ["bandwidth=1"]}
    ),
    "scenarios.CompareSettings": Recipe(
        scenarios.CompareSettings,
        {
            "measures": (mx.measures.CKA(),),
            "preprocessing": "prh",
            "null": "auto",
            "correction": "max",
            "num_permutations": 9,
            "num_bootstrap": 9,
            "alpha": 0.05,
            "seed": 0,
            "memory": "1 GiB",
        },
    ),
    "scenarios.VerifySettings": Recipe(
        scenarios.VerifySettings,
        {
            "easy": True,
            "noise": "isotropic",
            "sampling": "online",
            "loss": "squared",
            "three_ways": True,
            "seed": 0,
            "replicas": 2,
            "batch": 1,
            "lr": 0.1,
            "steps": 10,
        },
    ),
    "scenarios.SubjectsSettings": Recipe(
        scenarios.SubjectsSettings,
        {
            "comparison": "pearson",
            "dissimilarity": "auto",
            "shrinkage": "ledoit_wolf",
            "confidence": 0.9,
        },
    ),
    "scenarios.chosen": Recipe(scenarios.chosen, {"name": "weight-decay"}),
    "scenarios.chosen_cases": Recipe(scenarios.chosen_cases, {"name": "one-force"}),
    "scenarios.chosen_reversals": Recipe(scenarios.chosen_reversals, {"name": "steps"}),
}
