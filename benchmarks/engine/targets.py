"""What the native engine is to reach, compared with what was measured in the same run."""

from __future__ import annotations

from benchmarks.engine.points import POINTS
from benchmarks.engine.result import BenchResult, PointResult
from benchmarks.engine.specs import JAX, NATIVE, REFERENCE, TORCH
from benchmarks.target import Target

#: Times JAX's best per network-step, point by point.
_TIMES_JAX = (10.0, 10.0, 3.0, 3.0)
_TIMES_TORCH = 1000.0
_SHARE_OF_CEILING = 0.5
_DEVIATION = 0.2
#: Share of perfect scaling: two threads at least 1.8 times one.
_SCALING = 0.9
#: Bytes that a long run may hold more than a short one: pages of the interpreter's own.
_GROWTH = 2.0**20


def targets(result: BenchResult) -> list[Target]:
    """Every target, measured or not; float64 only, as they were set."""
    by_name = {p.point.name: p for p in result.points}
    found: list[Target] = []
    for point, times in zip(POINTS, _TIMES_JAX, strict=True):
        at = by_name.get(point.name)
        found.append(Target(f"times {JAX}, {point.name}", times, _ratio(at, JAX)))
    first = by_name.get(POINTS[0].name)
    found.append(
        Target(f"times {TORCH} eager, {POINTS[0].name}", _TIMES_TORCH, _ratio(first, TORCH))
    )
    for point in POINTS:
        alone = by_name.get(point.alone().name)
        if alone is not None:
            found.append(
                Target(f"times the fastest peer, {alone.point.name}", 1.0, _fastest_peer(alone))
            )
    found += [
        Target(f"share of the ceiling ({c.binding}), {c.point}", _SHARE_OF_CEILING, c.fraction)
        for c in result.ceilings
        if c.point in {p.name for p in POINTS}
    ]
    found += [
        Target(f"{s.threads} threads against one, {s.point}", _SCALING * s.threads, s.speedup)
        for s in result.scaling
        if s.threads > 1 and s.point in {p.name for p in POINTS}
    ]
    found += [
        Target(f"deviation from linear: {s.what}", _DEVIATION, s.deviation, at_least=False)
        for s in result.sweeps
    ]
    growth = None if result.memory is None else result.memory.growth
    found.append(Target("memory growth with steps, bytes", _GROWTH, growth, at_least=False))
    return found


def _ratio(at: PointResult | None, name: str) -> float | None:
    return None if at is None else at.ratio(name)


def _fastest_peer(at: PointResult) -> float | None:
    """How many times longer the fastest peer takes."""
    ratios = [at.ratio(name) for name in at.rows if name not in (NATIVE, REFERENCE)]
    return min((r for r in ratios if r is not None), default=None)
