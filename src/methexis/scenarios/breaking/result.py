"""What `break` finds: records that the terminal, the report and ``--json`` all read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from methexis.scenarios.breaking.measure import Point, Reading
from methexis.scenarios.breaking.scenario import Scenario
from methexis.scenarios.breaking.verdict import Verdict, judge
from methexis.scenarios.framework.dial_scenario import DialResult
from methexis.scenarios.framework.jobs import JobResult

FORMAT = 1


@dataclass(frozen=True)
class Line:
    """A prediction along the dial, at more values than are measured.

    Attributes
    ----------
    curve : str
    problem : int
    values, predicted : tuple of float
        Dial, and alignment of the pair that is predicted to be worst there.
    """

    curve: str
    problem: int
    values: tuple[float, ...]
    predicted: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ScenarioResult(DialResult[Point]):
    """One scenario, measured.

    Attributes
    ----------
    scenario : Scenario
    quick : bool
    seed : int
        Of the first run.
    points : tuple of Point
    lines : tuple of Line
        Predictions, of the curves and problems that were measured.
    verdicts : tuple of Verdict
        One per curve.
    seconds : float
    """

    scenario: Scenario
    quick: bool
    seed: int
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    verdicts: tuple[Verdict, ...]
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether every curve agrees with its prediction."""
        return all(v.agrees for v in self.verdicts)

    @property
    def problems(self) -> int:
        """How many of the scenario's problems were measured."""
        return 1 + max(p.problem for p in self.points)

    @classmethod
    def read(cls, scenario: Scenario, summary: dict[str, Any]) -> ScenarioResult:
        """The result that a `summary` was made of; verdicts are judged anew."""
        points = tuple(
            Point(
                **{
                    **p,
                    "pair": tuple(p["pair"]),
                    "readings": tuple(Reading(**r) for r in p["readings"]),
                }
            )
            for p in summary["points"]
        )
        lines = tuple(
            Line(d["curve"], d["problem"], tuple(d["values"]), tuple(d["predicted"]))
            for d in summary["lines"]
        )
        verdicts = tuple(
            judge(c.name, [p for p in points if p.curve == c.name]) for c in scenario.curves
        )
        quick, seed, seconds = (summary[key] for key in ("quick", "seed", "seconds"))
        return cls(scenario, quick, seed, points, lines, verdicts, seconds)

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        scenario = self.scenario
        dial = scenario.dial
        return {
            **self.opening(),
            "dial": {
                "symbol": dial.symbol,
                "words": dial.words,
                "unit": dial.unit,
                "scale": dial.scale,
                "names": list(dial.names),
            },
            "problems": list(scenario.problems),
            "quick": self.quick,
            "seed": self.seed,
            "curves": [
                {
                    **v.opening(),
                    "outliers": [
                        {"problem": p.problem, "value": p.value, "deviation": p.deviation}
                        for p in v.outliers
                    ],
                    "lost": v.lost,
                    "powers": list(curve.powers),
                }
                for curve, v in zip(scenario.curves, self.verdicts, strict=True)
            ],
            "points": [asdict(p) for p in self.points],
            "lines": [asdict(line) for line in self.lines],
            "seconds": self.seconds,
        }


@dataclass(frozen=True, eq=False)
class BreakResult(JobResult[ScenarioResult]):
    """All scenarios that were asked for."""

    format: ClassVar[int] = FORMAT
