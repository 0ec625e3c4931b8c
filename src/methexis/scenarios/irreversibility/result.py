"""What `reverse` finds: records that the terminal, the report and ``--json`` all read."""

from __future__ import annotations

from dataclasses import dataclass

from methexis.scenarios.framework.results import DialResult, JobResult
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.irreversibility.records import Control, Point, Rest
from methexis.scenarios.irreversibility.verdict import LAW, Verdict


@dataclass(frozen=True, eq=False)
class ReverseScenarioResult(DialResult[Point]):
    """One scenario of `reverse`, measured.

    Attributes
    ----------
    rests : tuple of Rest
    controls : tuple of Control
    law : float
        Largest violation of the law of charges on any walk.
    """

    scenario: Scenario
    points: tuple[Point, ...]
    rests: tuple[Rest, ...]
    controls: tuple[Control, ...]
    law: float

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts, one per curve."""
        return tuple(
            Verdict(
                curve.name,
                tuple(self.of(curve.name)),
                tuple(r for r in self.rests if r.curve == curve.name),
            )
            for curve in self.scenario.curves
        )

    @property
    def agrees(self) -> bool:
        """Whether every curve agrees with its prediction, and charges obey their law."""
        return self.law <= LAW and super().agrees


@dataclass(frozen=True, eq=False)
class ReverseResult(JobResult[ReverseScenarioResult]):
    """All scenarios that were asked for."""
