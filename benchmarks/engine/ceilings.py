"""How near the native engine comes to what the machine can do, and which ceiling binds.

From the least work of a network-step (`points.Work`) and the measured rates follow the least times
that it could take: its operations from registers, its bytes to and from a cache. The largest of
these binds; the fraction is that time over the measured one, both of one thread. Whether the
weights of a block come from the first cache or the second follows from their size. Making random
numbers is in the measured time and not in the least ones, so the fraction is on the low side. How
long the same normals take alone is told beside it: they keep the units busy that multiply and add,
so that the two times can hardly overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine.points import Point
from methexis.training.engines.native import within

#: Bytes of the first cache where the system does not say.
_L1_BYTES = 32 * 2**10
_BYTES_PER_VECTOR = {"avx512": 64, "avx2": 32}


@dataclass(frozen=True)
class Ceiling:
    """One point against the ceilings; times in microseconds per network-step, one thread.

    ``draws`` is the time of the step's normals alone.
    """

    point: str
    flops: float
    bytes: float
    block_bytes: int
    times: dict[str, float]
    binding: str
    draws: float
    measured: float

    @property
    def fraction(self) -> float:
        """Share of the binding ceiling that is reached."""
        return self.times[self.binding] / self.measured

    @property
    def fraction_with_draws(self) -> float:
        """The same with the time of the normals counted as work."""
        return (self.times[self.binding] + self.draws) / self.measured


def first_cache_bytes() -> int:
    """Size of this machine's first data cache."""
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            level, kind = (path / "level").read_text(), (path / "type").read_text()
            if level.strip() == "1" and kind.strip() == "Data":
                return int((path / "size").read_text().strip().removesuffix("K")) * 2**10
        except (OSError, ValueError):
            continue
    return _L1_BYTES


def ceiling(point: Point, rates: dict[str, Any], measured: float) -> Ceiling:
    """Compare a measured time of one thread with the ceilings."""
    work = point.work()
    rate = rates[point.dtype]
    size = np.dtype(point.dtype).itemsize
    lanes = 1
    if not within([point.dims], point.batch):
        vector = _BYTES_PER_VECTOR.get(rates["instruction_set"], 16)
        lanes = min(point.networks, max(1, vector // size))
    block = lanes * work.parameters * size
    level = "L1" if block <= first_cache_bytes() else "L2"
    times = {
        "multiply-adds": 1e6 * work.flops / rate["fma"],
        f"loads and stores, {level}": 1e6 * work.bytes / rate[f"update {level}"],
    }
    binding = max(times, key=lambda name: times[name])
    draws = 1e6 * work.normals / rates["normals"]
    return Ceiling(point.name, work.flops, work.bytes, block, times, binding, draws, measured)
