"""Good calls of what explains two representations."""

from __future__ import annotations

import numpy as np

import methexis as mx
from tests.zoo.good import Recipe

#: Samples enough to be left out.
LONG = np.random.default_rng(3).normal(size=(40, 3))

EXPLAINING: dict[str, Recipe] = {
    "mx.explain": Recipe(
        mx.explain,
        {
            "x": LONG,
            "y": LONG[:, ::-1],
            "preprocessing": "none",
            "material": 0.02,
            "seed": 0,
            "names": ("A", "B"),
        },
    ),
    "mx.explain_all": Recipe(
        mx.explain_all,
        {
            "reps_a": {"h": LONG},
            "reps_b": {"g": LONG[:, :2]},
            "preprocessing": "none",
            "material": 0.02,
            "seed": 0,
            "executor": "serial",
        },
    ),
}
