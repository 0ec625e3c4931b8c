"""What `sharpen` finds: records that the terminal, the report and ``--json`` all read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from methexis.display import Displayed, Table
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.framework.records import to_json
from methexis.scenarios.framework.results import JobResult
from methexis.scenarios.sharpening.case import Found

#: What a summary tells of a reading: its values are in the points.
_RUN = ("small", "lr", "steps", "replicas", "lost", "seed", "seconds")


@dataclass(frozen=True, eq=False)
class CaseResult(Displayed):
    """One case, measured and judged.

    Attributes
    ----------
    found : Found
    checks : tuple of Check
    seed : int
        Seed of the first run.
    seconds : float
    """

    found: Found
    checks: tuple[Check, ...]
    seed: int
    seconds: float

    @property
    def name(self) -> str:
        """The name of the case, as in its registry."""
        return self.found.case.name

    @property
    def quick(self) -> bool:
        """Whether it was a quick look."""
        return self.found.quick

    @property
    def agrees(self) -> bool:
        """Whether every check is passed."""
        return all(c.passed for c in self.checks)

    @property
    def passed(self) -> bool:
        """Whether every check is passed; another name of `agrees`."""
        return self.agrees

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        measured, case = self.found, self.found.case
        return {
            **{key: getattr(case, key) for key in ("name", "title", "claim", "found", "note")},
            "passed": self.passed,
            "expected": {"trace": case.expected[0], "top": case.expected[1]},
            "quick": measured.quick,
            "seed": self.seed,
            "checks": to_json(self.checks),
            "start": to_json(measured.start),
            "control": {name: values[-1, 0].tolist() for name, values in measured.control.items()},
            "points": to_json(measured.points),
            "runs": [{key: getattr(r, key) for key in _RUN} for r in measured.readings],
            "prediction": to_json({"slow_time": measured.fine_times, **measured.fine}),
            "seconds": self.seconds,
        }

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"name": self.name, "passed": self.passed}
        told |= {"checks": len(self.checks), "quick": self.quick, "seed": self.seed}
        return told | {"seconds": self.seconds}

    def _table(self) -> Table:
        """Every check, with what was found and what was expected."""
        head = ["check", "found", "expected", "passed"]
        return head, ([c.name, c.found, c.expected, c.passed] for c in self.checks)


@dataclass(frozen=True, eq=False)
class SharpenResult(JobResult[CaseResult]):
    """All cases that were asked for."""

    PARTS: ClassVar[str] = "cases"
    AGREES: ClassVar[str] = "passed"

    @property
    def passed(self) -> bool:
        """Whether all cases are passed."""
        return self.agrees
