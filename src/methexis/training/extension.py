"""The compiled extension, if this installation has it: the one place that imports it."""

from __future__ import annotations

from importlib.util import find_spec

from methexis.core.checks import MethexisError

#: Whether the extension has been built; see CONTRIBUTING.md.
BUILT = find_spec("methexis._native") is not None

if BUILT:
    from methexis._native import (
        Engine,
        fma_rate,
        instruction_set,
        measure,
        measure_on_inputs,
        memory_rate,
        normals,
        pull_rate,
    )
else:

    class Engine:  # type: ignore[no-redef]
        """Stands for the compiled class where there is none."""

        def __init__(self, *arguments: object, **options: object) -> None:
            del arguments, options
            raise MethexisError(f"engine: {MISSING}")

    fma_rate = instruction_set = measure = measure_on_inputs = Engine  # type: ignore[assignment]
    memory_rate = normals = pull_rate = Engine  # type: ignore[assignment]


MISSING = (
    "expected the compiled extension methexis._native for 'native', got none; build it by "
    "installing methexis from source with a C++20 compiler"
)

__all__ = [
    "BUILT",
    "MISSING",
    "Engine",
    "fma_rate",
    "instruction_set",
    "measure",
    "measure_on_inputs",
    "memory_rate",
    "normals",
    "pull_rate",
]
