"""What `break` finds: records that the terminal, the report and ``--json`` all read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from methexis.scenarios.breaking.measure import Point, Reading
from methexis.scenarios.breaking.scenario import Scenario
from methexis.scenarios.breaking.verdict import Verdict, judge
from methexis.scenarios.provenance import provenance

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
class ScenarioResult:
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

    def of(self, curve: str, problem: int | None = None) -> list[Point]:
        """Points of one curve, or of one problem of it, in order of the dial."""
        return [
            p for p in self.points if p.curve == curve and (problem is None or p.problem == problem)
        ]

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        scenario = self.scenario
        dial = scenario.dial
        return {
            "name": scenario.name,
            "title": scenario.title,
            "claim": scenario.claim,
            "agrees": self.agrees,
            "limit": scenario.limit,
            "note": scenario.note,
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
                    "name": v.curve,
                    "agrees": v.agrees,
                    "chi2": v.chi2,
                    "dof": v.dof,
                    "p_value": v.p_value,
                    "largest_deviation": v.largest,
                    "largest_p_value": v.largest_p,
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
class BreakResult:
    """All scenarios that were asked for."""

    results: tuple[ScenarioResult, ...]
    command: str
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether all of them agree."""
        return all(r.agrees for r in self.results)

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "format": FORMAT,
            "agrees": self.agrees,
            "command": self.command,
            "scenarios": [r.summary() for r in self.results],
            **provenance(self.seconds),
        }
