"""From what a user has to a `Model`: a module, a file, or a name in a module of theirs."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from methexis.core.checks import shown
from methexis.errors import MethexisError
from methexis.probes.frameworks.models import Model
from methexis.probes.frameworks.onnx_models import OnnxModel, is_onnx
from methexis.probes.frameworks.optional import is_module, is_script
from methexis.probes.frameworks.script_models import ScriptModel
from methexis.probes.frameworks.torch_models import TorchModel


def opened(model: Any, name: str = "") -> Model:
    """A model of any framework.

    Raises
    ------
    MethexisError
        If it is none that is known.
    """
    if is_script(model):
        return ScriptModel(model, name)
    if is_module(model):
        return TorchModel(model, name)
    if is_onnx(model):
        return OnnxModel(model, name)
    if isinstance(model, str | PathLike):
        raise MethexisError(
            f"model: expected a torch.nn.Module or the path of an .onnx file, got "
            f"{shown(str(Path(model)))}; other files are opened by the command, methexis probe"
        )
    raise MethexisError(
        f"model: expected a torch.nn.Module, a TorchScript module or the path of an .onnx file, "
        f"got {type(model).__name__}"
    )
