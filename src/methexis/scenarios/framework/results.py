"""What jobs find: a scenario measured along its dial, and all parts that were asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from methexis.display import Displayed, Table
from methexis.scenarios.framework.judging import Verdict
from methexis.scenarios.framework.points import DialPoint, Line
from methexis.scenarios.framework.provenance import provenance
from methexis.scenarios.framework.records import from_json, to_json
from methexis.scenarios.framework.scenario import Scenario

Point = TypeVar("Point", bound=DialPoint)


@dataclass(frozen=True, eq=False)
class DialResult(Displayed, ABC, Generic[Point]):
    """A scenario, measured.

    Attributes
    ----------
    scenario : Scenario
    quick : bool
    seed : int
        Seed of the first run.
    points : tuple of DialPoint
    lines : tuple of Line
        Predictions, of the curves and problems that were measured.
    seconds : float
    """

    scenario: Scenario[Any]
    quick: bool
    seed: int
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    seconds: float

    @property
    def name(self) -> str:
        """The name of the scenario, as in its registry."""
        return self.scenario.name

    @property
    @abstractmethod
    def verdicts(self) -> Sequence[Verdict[Point]]:
        """The verdicts, one per curve."""

    @property
    def agrees(self) -> bool:
        """Whether every curve agrees with its prediction."""
        return all(v.agrees for v in self.verdicts)

    @property
    def problems(self) -> int:
        """How many of the scenario's problems were measured."""
        return 1 + max(p.problem for p in self.points)

    def of(self, curve: str, problem: int | None = None) -> list[Point]:
        """Points of one curve, or of one problem of it, in order of the dial."""
        return [
            p for p in self.points if p.curve == curve and (problem is None or p.problem == problem)
        ]

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        scenario = self.scenario
        told = {key: getattr(scenario, key) for key in ("name", "title", "claim", "limit", "note")}
        measured = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "scenario"}
        return {
            **told,
            "agrees": self.agrees,
            "problems": list(scenario.problems),
            "curves": [v.summary() for v in self.verdicts],
            **to_json(measured),
        }

    @classmethod
    def read(cls, scenario: Scenario[Any], summary: dict[str, Any]) -> Self:
        """The result that a `summary` was made of; verdicts are judged anew."""
        return from_json(cls, {**summary, "scenario": scenario})

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"name": self.name, "agrees": self.agrees}
        told |= {"points": len(self.points), "quick": self.quick, "seed": self.seed}
        return told | {"seconds": self.seconds}

    def _table(self) -> Table:
        """What became of every curve."""
        head = ["curve", "agrees", "χ²", "of", "largest (σ)"]
        return head, ([v.curve, v.agrees, v.chi2, v.dof, v.largest] for v in self.verdicts)


class Judged(Protocol):
    """A part of a job, measured and judged."""

    @property
    def name(self) -> str:
        """The name on the command line."""

    @property
    def quick(self) -> bool:
        """Whether it was a quick look."""

    @property
    def seed(self) -> int:
        """The seed of the first run."""

    @property
    def agrees(self) -> bool:
        """Whether the part agrees with its prediction."""

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""


PartResult = TypeVar("PartResult", bound=Judged)


@dataclass(frozen=True, eq=False)
class JobResult(Displayed, Generic[PartResult]):
    """All parts that were asked for.

    `FORMAT` counts changes of the summary's form; `PARTS` and `AGREES` are the keys of the parts
    and of the verdict in it.
    """

    results: tuple[PartResult, ...]
    command: str
    seconds: float

    FORMAT: ClassVar[int] = 1
    PARTS: ClassVar[str] = "scenarios"
    AGREES: ClassVar[str] = "agrees"

    @property
    def agrees(self) -> bool:
        """Whether all parts agree with their predictions."""
        return all(r.agrees for r in self.results)

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "format": self.FORMAT,
            self.AGREES: self.agrees,
            "command": self.command,
            self.PARTS: [r.summary() for r in self.results],
            **provenance(self.seconds),
        }

    def _facts(self) -> dict[str, object]:
        names = tuple(r.name for r in self.results)
        return {self.AGREES: self.agrees, "results": names, "seconds": self.seconds}

    def _table(self) -> Table:
        """What became of every part."""
        return ["part", self.AGREES], ([r.name, r.agrees] for r in self.results)
