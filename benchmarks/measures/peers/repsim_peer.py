"""repsim: CKA, HSIC, CCA and others of all pairs of a list, in C++."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import repsim
from pairs import prepare_with, scores_with


def start(threads: int) -> dict[str, str]:
    return {"repsim": version("repsim")}


def _pair(function, *words):
    return lambda x, y: np.asarray(function([x, y], *words))[0, 1]


def _double(array):
    return np.asarray(array, dtype=np.float64)


prepare = prepare_with(
    {
        "cka": _pair(repsim.cka, "linear", "gretton"),
        "debiased_cka": _pair(repsim.cka, "linear", "song"),
    },
    _double,
)
scores = scores_with(
    {
        "cka(linear, gretton)": ("cka", {}, _pair(repsim.cka, "linear", "gretton")),
        "cka(linear, song)": ("cka", {"debiased": True}, _pair(repsim.cka, "linear", "song")),
        "cka(linear, lange)": (
            "cka", {"debiased": True, "estimator": "lange"}, _pair(repsim.cka, "linear", "lange"),
        ),
        "cka(rbf, gretton)": ("cka", {"kernel": "rbf"}, _pair(repsim.cka, "rbf", "gretton")),
        "hsic(linear, gretton)": (
            "hsic", {"kernel": "linear"}, _pair(repsim.hsic, "linear", "gretton"),
        ),
        "hsic(linear, song)": (
            "hsic", {"kernel": "linear", "debiased": True}, _pair(repsim.hsic, "linear", "song"),
        ),
        "cca(yanai)": ("cca", {"squared": True}, _pair(repsim.cca, "yanai")),
        "cca(pillai)": ("cca", {}, _pair(repsim.cca, "pillai")),
        "pwcca": ("pwcca", {}, _pair(repsim.pwcca)),
    },
    _double,
)  # fmt: skip
