"""Good calls of the functions of `methexis.theory`."""

from __future__ import annotations

import numpy as np

import methexis as mx
from tests.zoo.good import STUDENT, TEACHER, WEIGHTS, Recipe, X

_THEORY = {"source": TEACHER, "student": STUDENT, "weights": WEIGHTS}
_SLOW = {"lr": 0.05, "batch": 2, "steps": 20}
#: What a path may take, and who is told how far it has come.
_WAITED = {"patience": 60.0, "progress": None}

THEORY: dict[str, Recipe] = {
    "theory.universal_kernel": Recipe(
        mx.theory.universal_kernel, {"teacher": TEACHER, "loss": "squared"}
    ),
    "theory.charges": Recipe(mx.theory.charges, dict(_THEORY)),
    "theory.entropic_loss": Recipe(mx.theory.entropic_loss, {**_THEORY, "lr": 0.1, "batch": 2}),
    "theory.top_eigenvalues": Recipe(mx.theory.top_eigenvalues, {**_THEORY, "count": 3}),
    "theory.unreturned": Recipe(
        mx.theory.unreturned, {**_THEORY, "lr": 0.01, "steps": 5, "batch": 2, "sampling": "online"}
    ),
    "theory.apply_gauge": Recipe(
        mx.theory.apply_gauge,
        {"weights": WEIGHTS, "gauges": [np.eye(3) + 0.1 * X[:3, :3]]},
        nan=True,
    ),
    "theory.adaptive_minimum": Recipe(
        mx.theory.adaptive_minimum, {"source": TEACHER, "student": STUDENT, "seed": 0}
    ),
    "theory.adaptive_drift": Recipe(
        mx.theory.adaptive_drift,
        {
            **_THEORY,
            **{"lr": 0.05, "beta2": 0.99, "batch": 2, "steps": 20, "decay": 0.2, "rtol": 1e-4},
            **_WAITED,
        },
    ),
    "theory.adaptive_fixed_point": Recipe(
        mx.theory.adaptive_fixed_point,
        {
            **_THEORY,
            "memory": 0.01,
            "shuffled": True,
            "batch": 2,
            "decay": 0.1,
            "weights": mx.theory.adaptive_minimum(TEACHER, STUDENT).weights,
            "progress": None,
        },
    ),
    "theory.adaptive_flow": Recipe(
        mx.theory.adaptive_flow,
        {
            **_THEORY,
            **{"lr": 0.05, "beta2": 0.99, "batch": 2, "steps": 20, "decay": 0.2, "rtol": 1e-4},
            **_WAITED,
        },
    ),
    "theory.label_noise_fixed_point": Recipe(
        mx.theory.label_noise_fixed_point,
        {"source": TEACHER, "student": STUDENT, "progress": None},
    ),
    "theory.label_noise_minimum": Recipe(
        mx.theory.label_noise_minimum, {"source": TEACHER, "student": STUDENT, "seed": 0}
    ),
    "theory.sam_potential": Recipe(
        mx.theory.sam_potential, {**_THEORY, "batch": 2, "draws": 64, "seed": 0}
    ),
    "theory.sam_gradient": Recipe(
        mx.theory.sam_gradient, {**_THEORY, "batch": 2, "draws": 64, "seed": 0}
    ),
    "theory.sam_fixed_point": Recipe(
        mx.theory.sam_fixed_point,
        {
            **_THEORY,
            "reach": 1.0,
            "batch": 2,
            "draws": 64,
            "seed": 0,
            "independent": True,
            "progress": None,
        },
    ),
    "theory.balanced_minimum": Recipe(
        mx.theory.balanced_minimum, {"source": TEACHER, "student": STUDENT, "seed": 0}
    ),
    "theory.random_minimum": Recipe(
        mx.theory.random_minimum,
        {
            "source": TEACHER,
            "student": STUDENT,
            "seed": 0,
            "spread": 0.5,
            "distribution": "lognormal",
        },
    ),
    "theory.random_minimum, landing": Recipe(
        mx.theory.random_minimum,
        {"spread": 0.5},
        {"source": TEACHER, "student": STUDENT, "distribution": "landing"},
    ),
    "theory.decay_fixed_point": Recipe(
        mx.theory.decay_fixed_point, {**_THEORY, "decay": 0.5, "progress": None}
    ),
    "theory.deficit_fixed_point": Recipe(
        mx.theory.deficit_fixed_point, {**_THEORY, "progress": None}
    ),
    "theory.drift_fixed_point": Recipe(
        mx.theory.drift_fixed_point, {**_THEORY, "decay": 0.1, "progress": None}
    ),
    "theory.edge_fixed_point": Recipe(
        mx.theory.edge_fixed_point, {**_THEORY, "lr": 1e-3, "progress": None}
    ),
    "theory.entropic_flow": Recipe(
        mx.theory.entropic_flow,
        {**_THEORY, **_SLOW, "momentum": 0.1, "decay": 0.2, "rtol": 1e-4, **_WAITED},
    ),
    "theory.modified_flow": Recipe(
        mx.theory.modified_flow, {**_THEORY, **_SLOW, "rtol": 1e-4, "progress": None}
    ),
    "theory.slow_drift": Recipe(
        mx.theory.slow_drift,
        {**_THEORY, **_SLOW, "momentum": 0.1, "decay": 0.2, "rtol": 1e-4, **_WAITED},
    ),
    "theory.slow_drift, steps": Recipe(
        mx.theory.slow_drift, {"steps": np.array([0.0, 10.0, 20.0])}, {**_THEORY, "lr": 0.05}
    ),
    "theory.relaxation": Recipe(
        mx.theory.relaxation,
        {"source": TEACHER, "student": STUDENT, "lr": 0.1, "batch": 1, "momentum": 0.1}
        | {"progress": None},
    ),
}
