"""Good calls of what probes models, where PyTorch is; each into a folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot

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

    _ROWS = X[:5].astype(np.float32)
    _MEET = torch.nn.Sequential(
        *(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2), torch.nn.Linear(2, 2))
    ).eval()
    _INTERFACES = mx.interfaces(_MEET, _ROWS)

    def _meeting(**arguments: Any) -> list[str]:
        return [one.group for one in mx.interfaces(**{"model": _MEET} | arguments)]

    _SQUARED = torch.nn.functional.mse_loss
    _PAIR = (_ROWS, np.zeros((5, 2), np.float32))
    _CANONICAL = mx.canonicalize(_MEET, _SQUARED, _PAIR)

    def _balanced(**arguments: Any) -> list[Any]:
        made = mx.canonicalize(**{"model": _MEET, "loss": _SQUARED, "batches": _PAIR} | arguments)
        return [one.detach().numpy() for one in made.model.parameters()]

    def _gaps(**given: Any) -> str:
        axes = _CANONICAL.plot(**given)
        pyplot.close(axes.get_figure(root=True))
        return axes.get_ylabel()

    def _weights(call: Callable[..., Any]) -> Callable[..., Any]:
        """What becomes of the weights, as arrays."""

        def called(**arguments: Any) -> list[Any]:
            return [one.detach().numpy() for one in call(**arguments).parameters()]

        return called

    def _element(**arguments: Any) -> Any:
        return _INTERFACES[1].element(**arguments).matrix

    def _made(**arguments: Any) -> Any:
        return mx.probes.Element(**arguments).order

    def _drawn(**given: Any) -> str:
        axes = _INTERFACES.plot(**given)
        pyplot.close(axes.get_figure(root=True))
        return axes.get_ylabel()

    def _at(**arguments: Any) -> list[str]:
        return [one.name for one in _INTERFACES.at(**arguments)]

    PROBING = {
        "mx.interfaces": Recipe(_meeting, {"batch": _ROWS, "seed": 0}),
        "mx.interfaces, model": Recipe(_meeting, {"model": _MEET}, {"batch": _ROWS}),
        "mx.Interfaces.at": Recipe(_at, {"name": "0"}),
        "mx.Interfaces.plot": Recipe(_drawn, {"ax": None}),
        "mx.canonicalize": Recipe(
            _balanced,
            {"by": "norm", "axes": "principal", "tolerance": 1e-6, "sweeps": 20, "seed": 0},
        ),
        "mx.canonicalize, loss": Recipe(
            _balanced,
            {"loss": None, "progress": None},
            {
                "batches": _ROWS,
                "by": "norm",
            },
        ),
        "mx.canonicalize, batches": Recipe(
            _balanced, {"model": _MEET, "batches": _ROWS}, {"loss": None, "by": "activations"}
        ),
        "mx.Canonical.plot": Recipe(_gaps, {"ax": None}),
        "probes.Element": Recipe(
            _made, {"matrix": None, "order": np.array([[1, 2, 0]]), "factors": None}
        ),
        "probes.Interface.apply": Recipe(_weights(_INTERFACES[1].apply), {"element": np.eye(2)}),
        "probes.Interface.element": Recipe(_element, {"seed": 0}),
        "probes.Interface.random": Recipe(_weights(_INTERFACES[1].random), {"seed": 0}),
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
