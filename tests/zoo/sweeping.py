"""Good calls of what sweeps, in folders that go with the process."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import methexis as mx
from tests.zoo.good import Recipe

#: Tables of a sweep of two cells and a step each.
SPEC: dict[str, Any] = {
    "name": "zoo",
    "source": {"dim_x": 1, "dim_y": 1},
    "students": [{"hidden": [1]}],
    "optimiser": {"name": "SGD"},
    "training": {"steps": 1, "record": [0]},
    "design": {"kind": "grid"},
    "tasks": {"cells": 2},
    "axes": {"optimiser.lr": [0.01, 0.02]},
}
_FOLDER = tempfile.TemporaryDirectory(prefix="methexis-zoo-")


@cache
def done() -> mx.Sweep:
    """A finished sweep."""
    return mx.sweep(SPEC, Path(_FOLDER.name) / "done.sweep", progress=None)


def _swept(**given: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return mx.sweep(out=f"{folder}/s.sweep", **given).data["loss"].values


SWEEPING: dict[str, Recipe] = {
    "mx.sweep": Recipe(
        _swept,
        {
            "spec": SPEC,
            "executor": "serial",
            "workers": 1,
            "scheduler": None,
            "tries": 1,
            "again": False,
            "progress": None,
        },
    ),
    "mx.open_sweep": Recipe(mx.open_sweep, {"path": "nothing.sweep"}),
}
