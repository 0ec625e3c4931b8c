"""Compiled kernels of the native engine (``native/module.cpp``)."""

def instruction_sets() -> list[str]:
    """Return the instruction sets that this machine can run, fastest first."""

def instruction_set(name: str = "") -> str:
    """Return the instruction set in use: `name`, else METHEXIS_ISA, else the fastest."""
