"""What `reverse` finds: records that the terminal, the report and ``--json`` all read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from methexis.scenarios.framework.dial_scenario import DialResult
from methexis.scenarios.framework.jobs import JobResult
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.irreversibility.records import Control, Point, Reading, Rest
from methexis.scenarios.irreversibility.verdict import LAW, Verdict, judge

FORMAT = 1


@dataclass(frozen=True)
class Line:
    """A prediction along the dial, at more values than are measured.

    Attributes
    ----------
    curve : str
    problem : int
    part : str
    values, predicted : tuple of float
    """

    curve: str
    problem: int
    part: str
    values: tuple[float, ...]
    predicted: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ReverseScenarioResult(DialResult[Point]):
    """One scenario, measured.

    Attributes
    ----------
    scenario : Scenario
    quick : bool
    seed : int
        Of the first run.
    points : tuple of Point
    rests : tuple of Rest
    lines : tuple of Line
        Predictions, of the curves and problems that were measured.
    controls : tuple of Control
    law : float
        Largest violation of the law of charges on any walk.
    seconds : float
    """

    scenario: Scenario
    quick: bool
    seed: int
    points: tuple[Point, ...]
    rests: tuple[Rest, ...]
    lines: tuple[Line, ...]
    controls: tuple[Control, ...]
    law: float
    seconds: float

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One per curve."""
        return tuple(
            judge(c.name, self.of(c.name), [r for r in self.rests if r.curve == c.name])
            for c in self.scenario.curves
        )

    @property
    def agrees(self) -> bool:
        """Whether every curve agrees with its prediction, and charges obey their law."""
        return self.law <= LAW and all(v.agrees for v in self.verdicts)

    @classmethod
    def read(cls, scenario: Scenario, summary: dict[str, Any]) -> ReverseScenarioResult:
        """The result that a `summary` was made of; verdicts are judged anew."""
        points = tuple(
            Point(
                **{
                    **p,
                    "readings": tuple(Reading(**r) for r in p["readings"]),
                    "weights": tuple(p["weights"]),
                }
            )
            for p in summary["points"]
        )
        lines = tuple(
            Line(**{**d, "values": tuple(d["values"]), "predicted": tuple(d["predicted"])})
            for d in summary["lines"]
        )
        return cls(
            scenario=scenario,
            quick=summary["quick"],
            seed=summary["seed"],
            points=points,
            rests=tuple(Rest(**r) for r in summary["rests"]),
            lines=lines,
            controls=tuple(Control(**c) for c in summary["controls"]),
            law=summary["law"],
            seconds=summary["seconds"],
        )

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        scenario = self.scenario
        return {
            **self.opening(),
            "problems": list(scenario.problems),
            "quick": self.quick,
            "seed": self.seed,
            "law": self.law,
            "curves": [
                {
                    **v.opening(),
                    "other_directions": {
                        "chi2": v.rest_chi2,
                        "dof": v.rest_dof,
                        "p_value": v.rest_p,
                    },
                    "without_variates": {"chi2": v.raw_chi2, "p_value": v.raw_p},
                    "signal_to_noise": v.signal,
                    "outliers": [
                        {
                            "problem": p.problem,
                            "value": p.value,
                            "part": p.part,
                            "deviation": p.deviation,
                        }
                        for p in v.outliers
                    ],
                }
                for v in self.verdicts
            ],
            "points": [asdict(p) for p in self.points],
            "rests": [asdict(r) for r in self.rests],
            "lines": [asdict(line) for line in self.lines],
            "controls": [asdict(c) for c in self.controls],
            "seconds": self.seconds,
        }


@dataclass(frozen=True, eq=False)
class ReverseResult(JobResult[ReverseScenarioResult]):
    """All scenarios that were asked for."""

    format: ClassVar[int] = FORMAT
