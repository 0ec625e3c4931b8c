"""Interleaved rounds: every worker in turn, again and again, with medians and ranges.

What slows the machine for a while slows all of them alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from benchmarks.processes import Worker

Name = TypeVar("Name")


@dataclass(frozen=True)
class Timing:
    """Microseconds per network-step: the median over rounds, their range, and all of them."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median over rounds."""
        return statistics.median(self.rounds)

    @property
    def low(self) -> float:
        """Fastest round."""
        return min(self.rounds)

    @property
    def high(self) -> float:
        """Slowest round."""
        return max(self.rounds)

    @property
    def per_second(self) -> float:
        """Network-steps per second."""
        return 1e6 / self.median

    def summary(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self) | {"median": self.median, "per_second": self.per_second}


def interleave(measure: Mapping[Name, Callable[[], float]], rounds: int) -> dict[Name, Timing]:
    """Call every function once per round, beginning each round with another one."""
    names = list(measure)
    found: dict[Name, list[float]] = {name: [] for name in names}
    for r in range(rounds):
        shift = r % max(1, len(names))
        for name in names[shift:] + names[:shift]:
            found[name].append(measure[name]())
    return {name: Timing(tuple(values)) for name, values in found.items()}


def network_step(worker: Worker, networks: int, seconds: float) -> Callable[[], float]:
    """A function that times a prepared worker: microseconds per network-step."""

    def measure() -> float:
        reply = worker.ask(do="time", seconds=seconds)
        return float(1e6 * reply["seconds"] / (reply["steps"] * networks))

    return measure


def deviation_from_line(
    sizes: Sequence[float], costs: Sequence[float], *, proportional: bool
) -> float:
    """Largest relative deviation of costs from the best line through them.

    The line minimises the squared relative deviations; a proportional one passes the origin.

    Examples
    --------
    >>> deviation_from_line([1, 2, 4], [3.0, 5.0, 9.0], proportional=False) < 1e-12
    True
    >>> deviation_from_line([1, 1], [0.9, 1.1], proportional=True).__round__(3)
    0.109
    """
    columns = [[s / c for s, c in zip(sizes, costs, strict=True)]]
    if not proportional:
        columns.append([1.0 / c for c in costs])
    fitted = _relative_fit(columns)
    return max(abs(value - 1.0) for value in fitted)


def _relative_fit(columns: Sequence[Sequence[float]]) -> list[float]:
    """Least-squares fit of ones by one or two columns."""
    if len(columns) == 1:
        (a,) = columns
        slope = sum(a) / sum(x * x for x in a)
        return [slope * x for x in a]
    a, b = columns
    aa, ab, bb = (
        sum(x * y for x, y in zip(p, q, strict=True)) for p, q in ((a, a), (a, b), (b, b))
    )
    slope = (sum(a) * bb - sum(b) * ab) / (aa * bb - ab * ab)
    offset = (sum(b) * aa - sum(a) * ab) / (aa * bb - ab * ab)
    return [slope * x + offset * y for x, y in zip(a, b, strict=True)]
