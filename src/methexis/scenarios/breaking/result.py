"""What `break` finds: records that the terminal, the report and ``--json`` all read.

A curve passes by χ² along its dial and by its largest deviation (`judging`);
`statistics.normal_score` takes care of errors that are estimated from few replicas. Points at which
theory does not claim to hold are shown and not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.optimize
import scipy.stats

from methexis.scenarios.breaking.case import Case
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.framework import judging
from methexis.scenarios.framework.limit import RESOLVED
from methexis.scenarios.framework.records import to_json
from methexis.scenarios.framework.results import DialResult, JobResult
from methexis.scenarios.framework.scenario import Scenario

#: Probability with which the smallest error that is told would be noticed.
POWER = 0.9


@dataclass(frozen=True)
class Verdict(judging.Verdict[Point]):
    """What follows from the points of one curve."""

    @property
    def judged(self) -> tuple[Point, ...]:
        """Points at which theory claims to hold."""
        return tuple(p for p in self.points if p.judged)

    @property
    def counted(self) -> tuple[Point, ...]:
        """The judged points whose readings differ between replicas by more than rounding."""
        return tuple(p for p in self.judged if p.by_chance)

    @property
    def detects(self) -> float:
        """Smallest relative error of ``1 − A`` that χ² would notice, with probability `POWER`.

        Of a theory whose ``1 − A`` is off by the factor 1 + δ everywhere, χ² is noncentral, with
        ``δ² Σ ((1 − A)/error)²``. NaN where nothing is predicted to differ from 1 by `RESOLVED`.
        """
        broken = [p for p in self.counted if 1.0 - p.predicted >= RESOLVED]
        if self.num_within or not broken:
            return float("nan")
        apart = sum(((1.0 - p.predicted) / p.error) ** 2 for p in broken)
        return float(np.sqrt(_noticed(self.dof) / apart))

    @property
    def statement(self) -> str:
        """χ² with its p, and which errors it would notice."""
        if not self.judged:
            return f"{len(self.points)} points, of which theory says nothing"
        if not self.dof:
            off = max((abs(p.gap) for p in self.judged), default=0.0)
            return f"{len(self.judged)} points without chance, off by {off:.1g} at most; no χ²"
        seen = self.detects
        power = f"; notices errors of 1 − A from {100.0 * seen:.2g} %" if np.isfinite(seen) else ""
        return super().statement + power

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
        seen = self.detects
        power = {"detects": seen} if np.isfinite(seen) else {}
        return {**super().summary(), **power, "outliers": far, "lost": self.lost}


@lru_cache
def _noticed(dof: int) -> float:
    """Noncentrality from which χ² of so many points calls a theory wrong with `POWER`."""
    bound = float(scipy.stats.chi2.isf(judging.FALSE_ALARM, dof))
    return float(
        scipy.optimize.brentq(
            lambda noncentral: scipy.stats.ncx2.sf(bound, dof, noncentral) - POWER, 1e-3, 1e4
        )
    )


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
            if curve.elsewhere:
                told["powers_elsewhere"] = {
                    dial.label(v): list(effort.powers) for v, effort in curve.elsewhere.items()
                }
        return content


@dataclass(frozen=True, eq=False)
class BreakResult(JobResult[ScenarioResult]):
    """All scenarios that were asked for."""
