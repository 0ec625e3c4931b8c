"""The one place where frameworks are imported: when a model of theirs is given, and not before.

Whoever probes an ONNX file needs no PyTorch, and the other way round. What is missing is said with
the command that installs it. A tensor or a module cannot be here unless its framework is, so asking
whether something is one imports nothing.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import Any

from methexis.errors import MethexisError


class _Package:
    """A package that is imported when something of it is first asked for.

    `lazy_loader` leaves a module in place that imports itself; `transformers` puts another into its
    own place while it is imported, and one of the two is then lost.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":  # asked by who looks at any object
            raise AttributeError(name)
        return getattr(resolve_name(self._name), name)


torch = _Package("torch")
onnx = _Package("onnx")
onnxruntime = _Package("onnxruntime")
transformers = _Package("transformers")

#: How each package is installed.
_INSTALL = {
    "torch": "pip install 'methexis[torch]'",
    "onnx": "pip install 'methexis[onnx]'",
    "onnxruntime": "pip install 'methexis[onnx]'",
    "transformers": "pip install transformers",
    "PIL": "pip install pillow",
}


def require(package: str, why: str) -> None:
    """See that a package is there.

    Raises
    ------
    MethexisError
        If it is not, with the command that installs it.
    """
    if package not in sys.modules and find_spec(package) is None:
        raise MethexisError(f"{why}: expected {package}, got none; {_INSTALL[package]}")


def is_tensor(value: Any) -> bool:
    """Whether something is a tensor of PyTorch."""
    known = sys.modules.get("torch")
    return known is not None and isinstance(value, known.Tensor)


def is_module(value: Any) -> bool:
    """Whether something is a module of PyTorch, TorchScript included."""
    known = sys.modules.get("torch")
    return known is not None and isinstance(value, known.nn.Module)


def is_script(value: Any) -> bool:
    """Whether something is a module of TorchScript, whose graph runs without Python."""
    known = sys.modules.get("torch")
    return known is not None and isinstance(value, known.jit.ScriptModule)
