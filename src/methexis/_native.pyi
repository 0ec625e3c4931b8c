"""Compiled kernels of the native engine (``native/module.cpp``)."""

def instruction_sets() -> list[str]:
    """Return the instruction sets that this machine can run, fastest first."""

def instruction_set(name: str = "") -> str:
    """Return the instruction set in use: `name`, else METHEXIS_ISA, else the fastest."""

def fma_rate(single_precision: bool, seconds: float = 0.1, name: str = "") -> float:
    """Return the flops per second of multiply-adds from registers, one thread."""

def memory_rate(
    bytes: int, store: bool, single_precision: bool, seconds: float = 0.1, name: str = ""
) -> float:
    """Return bytes per second to and from a working set: two loads per store, or only loads."""
