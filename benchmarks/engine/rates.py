"""The machine's ceilings, measured in the process that asks; see ``native/ceilings.hpp``."""

from __future__ import annotations

import time
from typing import Any

from methexis.training.extension import BUILT, MISSING, fma_rate, memory_rate

if BUILT:
    from methexis._native import instruction_set, normals

#: Working sets: half of the first cache of any machine of today, and a part of its second.
L1_BYTES, L2_BYTES = 16 * 2**10, 256 * 2**10
#: Normals drawn in one call.
_NORMALS = 16 * 2**10


def ceilings(seconds: float) -> dict[str, Any] | str:
    """Rates of the instruction set in use, of one thread, by precision; or why there are none.

    ``normals`` in standard normal numbers per second. By precision: ``fma`` in flops per second;
    the others in bytes per second, ``update`` with two loads per store, as weights are updated,
    ``load`` with loads only.
    """
    if not BUILT:
        return MISSING
    found: dict[str, Any] = {
        "instruction_set": instruction_set(),
        "normals": _normals_rate(seconds),
    }
    for dtype in ("float64", "float32"):
        single = dtype == "float32"
        found[dtype] = {"fma": fma_rate(single, seconds)}
        for level, size in (("L1", L1_BYTES), ("L2", L2_BYTES)):
            for kind in ("update", "load"):
                rate = memory_rate(size, kind == "update", single, seconds)
                found[dtype][f"{kind} {level}"] = rate
    return found


def _normals_rate(seconds: float) -> float:
    best, began, step = 0.0, time.perf_counter(), 0
    at = began
    while best == 0.0 or at - began < seconds:
        normals(1, 2, step, _NORMALS)
        end = time.perf_counter()
        best, at, step = max(best, _NORMALS / (end - at)), end, step + 1
    return best
