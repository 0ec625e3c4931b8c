"""An untrained twin: the same architecture with the weights that its authors' initialiser draws.

Of a model of `transformers` the class is made anew from its configuration, which draws all weights.
Of a plain module every part that can draw its own (``reset_parameters``) does so on a copy; where a
parameter belongs to no such part, nobody knows how it began, and the twin is refused.
"""

from __future__ import annotations

import copy
import sys
from typing import Any

from methexis.errors import MethexisError
from methexis.probes.frameworks.optional import is_module, is_script, torch
from methexis.text import brief


def fresh(model: Any, seed: int) -> Any:
    """A module with fresh weights; random states and the model stay as they were.

    Raises
    ------
    MethexisError
        If the model has no initialiser: an ONNX graph, TorchScript, or parameters that no part of
        it draws.
    """
    if not is_module(model):
        raise MethexisError(
            "untrained: expected a model that can draw fresh weights, got an ONNX graph, which has "
            "no initialiser"
        )
    if is_script(model):
        raise MethexisError(
            "untrained: expected a model that can draw fresh weights, got TorchScript, which keeps "
            "no initialiser; give package.module:function that makes the model"
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        known = sys.modules.get("transformers")
        if known is not None and isinstance(model, known.PreTrainedModel):
            return type(model)(copy.deepcopy(model.config))
        twin = copy.deepcopy(model)
        drawn: set[int] = set()
        for part in twin.modules():
            reset = getattr(part, "reset_parameters", getattr(part, "_reset_parameters", None))
            if callable(reset):
                reset()
                drawn |= {id(one) for one in part.parameters(recurse=False)}
        for name, one in twin.named_parameters():
            if id(one) not in drawn:
                raise MethexisError(
                    f"untrained: expected parts that draw all weights anew, got {brief(name)}, "
                    "which no reset_parameters draws; give a fresh model as untrained"
                )
    return twin
