"""Compiled kernels of the native engine (``native/module.cpp``)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

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

def pull_rate(bytes: int, single_precision: bool, seconds: float = 0.1, name: str = "") -> float:
    """Return weights per second that are summed and updated in one pass over a working set."""

def normals(k0: int, k1: int, step: int, count: int, isa: str = "") -> NDArray[np.float64]:
    """Return the first normals of one step of a stream."""

def order(k0: int, k1: int, epoch: int, count: int, isa: str = "") -> NDArray[np.float64]:
    """Return the order of the samples in one epoch of a stream."""

def measure(
    students: list[dict[str, Any]],
    num_shared: int,
    num_networks: int,
    networks: NDArray[np.int64],
    alignment: NDArray[np.float64],
    single: bool,
    threads: int,
    isa: str = "",
) -> None:
    """Measure linear students in closed form; results go into the arrays that are given."""

def measure_on_inputs(
    students: list[dict[str, Any]],
    num_inputs: int,
    num_networks: int,
    networks: NDArray[np.int64],
    alignment: NDArray[np.float64],
    single: bool,
    threads: int,
    isa: str = "",
) -> None:
    """Measure students on reference inputs; results go into the arrays that are given."""

class Engine:
    """A run, cut into blocks of networks that threads advance."""

    def __init__(
        self,
        config: dict[str, Any],
        students: list[dict[str, Any]],
        isa: str = "",
        single: bool = False,
        lanes: int = 0,
    ) -> None: ...
    def advance(
        self,
        first_step: int,
        factors: NDArray[np.float64],
        weights: list[Any],
        slots: list[Any],
        residual_cov: list[Any],
        diverged: NDArray[np.int64],
        collapsed: NDArray[np.int64],
        threads: int,
    ) -> None:
        """Advance all networks by one step per factor of the learning rate, in place."""

    @property
    def lanes(self) -> int:
        """Networks of a block."""

    @property
    def block_bytes(self) -> int:
        """Bytes of working memory per thread."""

    @property
    def isa(self) -> str:
        """The instruction set in use."""
