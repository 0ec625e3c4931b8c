"""The compiled extension, if this installation has it: the one place that imports it."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from methexis.core.checks import MethexisError

_NAME = "methexis._native"


def has_extension() -> bool:
    """Whether the extension was built."""
    return importlib.util.find_spec(_NAME) is not None


def load_extension() -> ModuleType:
    """Import the extension.

    Raises
    ------
    MethexisError
        If this installation has none.
    """
    if not has_extension():
        raise MethexisError(
            "engine: expected the compiled extension of methexis, which this installation lacks; "
            "install it with a C++20 compiler at hand, or use engine='reference'"
        )
    return importlib.import_module(_NAME)
