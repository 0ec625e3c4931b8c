"""What the benchmark found, as objects and as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.engine.ceilings import Ceiling
from benchmarks.engine.points import Point
from benchmarks.engine.specs import NATIVE
from benchmarks.engine.sweeps import Memory, Scaling, Sweep
from benchmarks.target import Target
from benchmarks.timing import Timing
from methexis.version import __version__


@dataclass(frozen=True)
class Row:
    """One peer at one point."""

    name: str
    timing: Timing
    variant: str
    details: dict[str, Any]


@dataclass(frozen=True)
class PointResult:
    """All peers at one point; ``jax`` is the time of JAX's best, if it ran."""

    point: Point
    rows: dict[str, Row]
    jax: float | None

    def ratio(self, name: str, to: str = NATIVE) -> float | None:
        """How many times longer ``name`` takes than ``to``; None if either did not run."""
        if name not in self.rows or to not in self.rows:
            return None
        return self.rows[name].timing.median / self.rows[to].timing.median


@dataclass(frozen=True)
class BenchResult:
    """Everything that `run_bench` measured; no memory and no sweeps of a few points alone."""

    engine: str
    quick: bool
    threads: int
    rounds: int
    seconds: float
    machine: dict[str, Any]
    versions: dict[str, str]
    points: list[PointResult]
    scaling: list[Scaling]
    sweeps: list[Sweep]
    memory: Memory | None
    rates: dict[str, Any]
    ceilings: list[Ceiling]
    targets: list[Target]
    notes: list[str]

    def summary(self) -> dict[str, Any]:
        """As plain data, for JSON. Times are microseconds per network-step."""
        return {
            "methexis": __version__,
            "engine": self.engine,
            "quick": self.quick,
            "threads": self.threads,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "machine": self.machine,
            "versions": self.versions,
            "points": [
                {
                    "name": p.point.name,
                    "point": asdict(p.point),
                    "work": asdict(p.point.work()),
                    "peers": {
                        row.name: row.timing.summary()
                        | {
                            "variant": row.variant,
                            "speed_of_jax": None if p.jax is None else p.jax / row.timing.median,
                            "details": row.details,
                        }
                        for row in p.rows.values()
                    },
                }
                for p in self.points
            ],
            "scaling": [
                {
                    "point": s.point,
                    "threads": s.threads,
                    "one": s.one.summary(),
                    "many": s.many.summary(),
                    "speedup": s.speedup,
                }
                for s in self.scaling
            ],
            "sweeps": [asdict(s) | {"deviation": s.deviation} for s in self.sweeps],
            "memory": self.memory and asdict(self.memory) | {"growth": self.memory.growth},
            "rates": self.rates,
            "ceilings": [
                asdict(c)
                | {
                    "fraction": c.fraction,
                    "fraction_with_draws": c.fraction_with_draws,
                    "fraction_of_passes": c.fraction_of_passes,
                    "most": c.most,
                }
                for c in self.ceilings
            ],
            "targets": [asdict(t) | {"reached": t.reached} for t in self.targets],
            "notes": self.notes,
        }
