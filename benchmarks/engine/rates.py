"""The machine's ceilings, measured in the process that asks; see ``native/ceilings.hpp``."""

from __future__ import annotations

import time
from typing import Any

from methexis.training.extension import BUILT, MISSING, fma_rate, memory_rate, pull_rate

if BUILT:
    from methexis._native import instruction_set, normals

#: Working sets: half of the first cache of any machine of today, and a part of its second.
L1_BYTES, L2_BYTES = 16 * 2**10, 256 * 2**10
#: Normals drawn in a short call and in a long one, whose numbers stay in the second cache. What
#: both calls need besides drawing is in neither rate.
_FEW_NORMALS, _MANY_NORMALS = 2**10, 9 * 2**10


def ceilings(seconds: float) -> dict[str, Any] | str:
    """Rates of the instruction set in use, of one thread, by precision; or why there are none.

    ``normals`` in standard normal numbers per second. By precision: ``fma`` in flops per second;
    the others in bytes per second, ``update`` with two loads per store, as weights are updated,
    ``load`` with loads only; and in weights per second ``pull``, a load, a multiply-add, a
    subtraction and a store each.
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
            found[dtype][f"pull {level}"] = pull_rate(size, single, seconds)
    return found


def _normals_rate(seconds: float) -> float:
    few = many = float("inf")
    began, step = time.perf_counter(), 0
    while step == 0 or time.perf_counter() - began < seconds:
        few = min(few, _seconds_of(_FEW_NORMALS, step))
        many = min(many, _seconds_of(_MANY_NORMALS, step))
        step += 1
    return (_MANY_NORMALS - _FEW_NORMALS) / (many - few)


def _seconds_of(count: int, step: int) -> float:
    began = time.perf_counter()
    normals(1, 2, step, count)
    return time.perf_counter() - began
