"""A claim along a dial and its result: what scenarios of `break` and `reverse` have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from methexis.errors import MethexisError
from methexis.scenarios.framework.dial import Dial

Curve = TypeVar("Curve")


@dataclass(frozen=True, eq=False)
class DialScenario(Generic[Curve]):
    """A dial, and curves of predictions along it.

    Attributes
    ----------
    name : str
        On the command line.
    title, claim : str
        A few words; one sentence.
    dial : Dial
    problems : tuple of str
        What each of the random problems is; their seeds are fixed beforehand.
    curves : tuple of Curve
    limit : str
        In which limit the prediction is exact, and how it is taken; or that it is asymptotic, and
        where it should fail.
    seed : int
        Of the first run; the others count on from it.
    note : str
        What a reader should know besides.
    """

    name: str
    title: str
    claim: str
    dial: Dial
    problems: tuple[str, ...]
    curves: tuple[Curve, ...]
    limit: str
    seed: int
    note: str = ""

    def checked(self, problem: int, value: float) -> float:
        """A value of the dial, for one of the problems.

        Raises
        ------
        MethexisError
            On a value outside the dial's meaning, or a problem that does not exist.
        """
        if not 0 <= problem < len(self.problems):
            raise MethexisError(
                f"{self.name}: expected a problem from 0 to {len(self.problems) - 1}, got {problem}"
            )
        return self.dial.check(value)


class DialPoint(Protocol):
    """Prediction and measurement at one value of the dial."""

    @property
    def curve(self) -> str:
        """On which curve."""

    @property
    def problem(self) -> int:
        """Of which problem."""


Point = TypeVar("Point", bound=DialPoint)


class DialResult(ABC, Generic[Point]):
    """A scenario, measured."""

    scenario: DialScenario[Any]
    points: tuple[Point, ...]

    @property
    @abstractmethod
    def agrees(self) -> bool:
        """Whether every curve agrees with its prediction."""

    def of(self, curve: str, problem: int | None = None) -> list[Point]:
        """Points of one curve, or of one problem of it, in order of the dial."""
        return [
            p for p in self.points if p.curve == curve and (problem is None or p.problem == problem)
        ]

    def opening(self) -> dict[str, Any]:
        """The start of its summary: what is claimed, and whether it holds."""
        scenario = self.scenario
        return {
            "name": scenario.name,
            "title": scenario.title,
            "claim": scenario.claim,
            "agrees": self.agrees,
            "limit": scenario.limit,
            "note": scenario.note,
        }
