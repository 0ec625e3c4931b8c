"""How near the native engine comes to what the machine can do, and which ceiling binds.

From the least work of a network-step (`points.Work`) and the measured rates follow the least times
that it could take: its operations from registers, its bytes to and from a cache. The largest of
these binds; the fraction is that time over the measured one, both of one thread. Whether the
weights of a block come from the first cache or the second follows from their size. Making random
numbers is in the measured time and not in the least ones, so the fraction is on the low side. How
long the same normals take alone is told beside it: they keep the units busy that multiply and add,
so that the two times can hardly overlap.

At batch size 1 no unit can be kept busy by itself: every weight is also stored at every step, and a
processor may be unable to store at full rate what it multiplies and adds at full rate. So the time
of the same passes over the weights is told too, each at the rate at which a loop that does nothing
else makes it (`_passes`): what is left of the measured time beyond their sum is not arithmetic.
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

    ``draws`` is the time of the step's normals alone; ``passes`` are the times of the passes of a
    step of a single sample, its draws among them, and empty for larger batches.
    """

    point: str
    flops: float
    bytes: float
    block_bytes: int
    times: dict[str, float]
    binding: str
    draws: float
    passes: dict[str, float]
    measured: float

    @property
    def fraction(self) -> float:
        """Share of the binding ceiling that is reached."""
        return self.times[self.binding] / self.measured

    @property
    def fraction_with_draws(self) -> float:
        """The same with the time of the normals counted as work."""
        return (self.times[self.binding] + self.draws) / self.measured

    @property
    def fraction_of_passes(self) -> float | None:
        """Share of the measured time that the passes of a step explain, None without passes."""
        return sum(self.passes.values()) / self.measured if self.passes else None

    @property
    def most(self) -> float | None:
        """The largest fraction that there can be if passes do not overlap, None without passes.

        It is on the low side across networks, whose normals need not be put in order as the timed
        ones are.
        """
        if not self.passes:
            return None
        return self.times[self.binding] / sum(self.passes.values())


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
    passes = _passes(point, rate, level) | {"draws": draws} if point.batch == 1 else {}
    return Ceiling(
        point.name, work.flops, work.bytes, block, times, binding, draws, passes, measured
    )


def _passes(point: Point, rate: dict[str, float], level: str) -> dict[str, float]:
    """Microseconds of the passes of a step of a single sample, each as fast as it goes alone.

    Forward products and maps of samples are multiply-adds whose sums stay in registers. Going
    back, a weight of all layers but the first is loaded, summed into the signal of the layer below,
    updated and stored; one of the first layer is updated alone.
    """
    size = np.dtype(point.dtype).itemsize
    work, first = point.work(), point.dims[0] * point.dims[1]
    back = work.parameters - first
    return {
        "forward": 1e6 * (work.flops - 2 * first - 4 * back) / rate["fma"],
        "back": 1e6 * back / rate[f"pull {level}"],
        "first layer": 1e6 * first * 3 * size / rate[f"update {level}"],
    }
