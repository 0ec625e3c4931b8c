"""What `sharpen` finds: records that the terminal, the report and ``--json`` all read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from methexis.scenarios.framework.provenance import provenance
from methexis.scenarios.sharpening.measure import Found
from methexis.scenarios.sharpening.verdict import Check

FORMAT = 1


@dataclass(frozen=True, eq=False)
class CaseResult:
    """One case, measured and judged.

    Attributes
    ----------
    found : Found
    checks : tuple of Check
    seed : int
        Of the first run.
    seconds : float
    """

    found: Found
    checks: tuple[Check, ...]
    seed: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every check is passed."""
        return all(c.passed for c in self.checks)

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        found, case = self.found, self.found.case
        return {
            "name": case.name,
            "title": case.title,
            "claim": case.claim,
            "found": case.found,
            "note": case.note,
            "passed": self.passed,
            "expected": {"trace": case.expected[0], "top": case.expected[1]},
            "quick": found.quick,
            "seed": self.seed,
            "checks": [asdict(c) for c in self.checks],
            "start": {name: values.tolist() for name, values in found.start.items()},
            "control": {name: values[-1, 0].tolist() for name, values in found.control.items()},
            "points": [asdict(p) for p in found.points],
            "runs": [
                {
                    "small": r.small,
                    "lr": r.lr,
                    "steps": r.steps,
                    "replicas": r.replicas,
                    "lost": r.lost,
                    "seed": r.seed,
                    "seconds": r.seconds,
                }
                for r in found.readings
            ],
            "prediction": {
                "slow_time": found.fine_times.tolist(),
                **{name: values.tolist() for name, values in found.fine.items()},
            },
            "seconds": self.seconds,
        }


@dataclass(frozen=True, eq=False)
class SharpenResult:
    """All cases that were asked for."""

    results: tuple[CaseResult, ...]
    command: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all of them are passed."""
        return all(r.passed for r in self.results)

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "format": FORMAT,
            "passed": self.passed,
            "command": self.command,
            "cases": [r.summary() for r in self.results],
            **provenance(self.seconds),
        }
