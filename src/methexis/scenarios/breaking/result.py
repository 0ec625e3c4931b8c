"""What `break` finds: records that the terminal, the report and ``--json`` all read.

A curve passes by χ² along its dial and by its largest deviation (`judging`);
`statistics.normal_score` takes care of errors that are estimated from few replicas. Points at which
theory does not claim to hold are shown and not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from methexis.scenarios.breaking.case import Case
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.framework import judging
from methexis.scenarios.framework.records import to_json
from methexis.scenarios.framework.results import DialResult, JobResult
from methexis.scenarios.framework.scenario import Scenario


@dataclass(frozen=True)
class Verdict(judging.Verdict[Point]):
    """What follows from the points of one curve."""

    @property
    def judged(self) -> tuple[Point, ...]:
        """Points at which theory claims to hold."""
        return tuple(p for p in self.points if p.judged)

    @property
    def lost(self) -> int:
        """Number of replicas that were left out."""
        return sum(r.lost for p in self.points for r in p.readings)

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        far = [
            {"problem": p.problem, "value": p.value, "deviation": p.deviation}
            for p in self.outliers
        ]
        return {**super().summary(), "outliers": far, "lost": self.lost}


@dataclass(frozen=True, eq=False)
class ScenarioResult(DialResult[Point]):
    """One scenario of `break`, measured."""

    scenario: Scenario[Case]
    points: tuple[Point, ...]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts, one per curve."""
        return tuple(Verdict(c.name, tuple(self.of(c.name))) for c in self.scenario.curves)

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        dial, content = self.scenario.dial, super().summary()
        shown = ("symbol", "words", "unit", "scale", "names")
        content["dial"] = to_json({key: getattr(dial, key) for key in shown})
        for told, curve in zip(content["curves"], self.scenario.curves, strict=True):
            told["powers"] = list(curve.full.powers)
        return content


@dataclass(frozen=True, eq=False)
class BreakResult(JobResult[ScenarioResult]):
    """All scenarios that were asked for."""
