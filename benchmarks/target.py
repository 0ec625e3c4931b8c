"""What the project set itself, which both benchmarks hold against what they measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """What the project set itself, and what came."""

    what: str
    wanted: float
    got: float | None
    at_least: bool = True

    @property
    def reached(self) -> bool | None:
        """Whether it is reached; None if it was not measured."""
        if self.got is None:
            return None
        return self.got >= self.wanted if self.at_least else self.got <= self.wanted
