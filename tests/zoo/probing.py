"""Good calls of what probes models, where PyTorch is; each into a folder of its own."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import methexis as mx
from tests.zoo.good import LABELS, Recipe, X

PROBING: dict[str, Recipe] = {}

if find_spec("torch") is not None:
    import torch

    torch.manual_seed(0)
    _MODEL = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())
    _ALL = {"layers": "0", "batch_size": 5, "seed": 0}

    def _probed(**arguments: Any) -> list[Any]:
        out = Path(tempfile.mkdtemp()) / "a.zarr"
        if isinstance(arguments.get("untrained"), str):  # a word is a place, here within the folder
            arguments["untrained"] = f"{out.parent}/{arguments['untrained']}"
        found = mx.probe(**{"model": _MODEL, "out": out, "progress": None} | arguments)
        return [np.asarray(layer.array) for layer in found]

    def _listed(**arguments: Any) -> list[Any]:
        return [one.name for one in mx.probes.list_layers(_MODEL, **arguments)]

    PROBING = {
        "mx.probe": Recipe(_probed, {"batches": X, "pool": "mean", **_ALL}),
        "mx.probe, names": Recipe(
            _probed, {"ids": LABELS, "force": False, "sample": 10}, {"batches": X, **_ALL}
        ),
        "mx.probe, tokens": Recipe(
            _probed,
            {"batches": np.stack([X, X + 1.0], axis=1), "pool": "each", "tokens": 2},
            dict(_ALL),
        ),
        "mx.probe, model": Recipe(
            _probed, {"model": _MODEL, "mask": "attention_mask"}, {"batches": X}
        ),
        "mx.probe, places": Recipe(_probed, {"untrained": None}, {"batches": X}),
        "probes.list_layers": Recipe(_listed, {"batches": X, "layers": "0"}),
    }
