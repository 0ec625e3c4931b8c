"""How predictions are judged by deviations that are standard normal numbers if they are right.

Their squares add to a χ² with one degree of freedom each, since nothing was fitted to the
predictions. A single bad point may hide in the sum of many, so the largest deviation is judged by
itself, at a level that allows for their number (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import scipy.stats

from methexis.core.parallel.caching import cached_property
from methexis.scenarios.framework.points import Point

#: Probability with which a right prediction is called wrong, per kind of test.
FALSE_ALARM = 0.001
#: Deviation in σ above which a point is printed as an outlier.
OUTLIER = 3.0


Points = TypeVar("Points", bound=Point)


@dataclass(frozen=True)
class Verdict(Generic[Points]):
    """What follows from the points of one curve; subclasses add what else is asked of them."""

    curve: str
    points: tuple[Points, ...]

    @property
    def judged(self) -> tuple[Points, ...]:
        """The points of which theory claims something; the largest deviation is one of theirs."""
        return self.points

    @property
    def counted(self) -> tuple[Points, ...]:
        """The judged points in which there is chance, and which therefore count in χ²."""
        return self.judged

    @property
    def num_within(self) -> int:
        """How many of them an allowance covers whole, so that they add nothing to χ²."""
        return sum(p.allowed > 0.0 and p.deviation == 0.0 for p in self.counted)

    @property
    def statement(self) -> str:
        """χ² with its p, or that there is none because an allowance covers every point."""
        if self.num_within == self.dof > 0:
            return f"{self.dof} points, all within the allowance; no χ²"
        part = f", {self.num_within} within the allowance" if self.num_within else ""
        return f"χ² {self.chi2:.1f} for {self.dof} points{part} (p {self.p_value:.2g})"

    @property
    def dof(self) -> int:
        """How many points are counted."""
        return len(self.counted)

    @cached_property
    def _chi_squared(self) -> tuple[float, float]:
        return chi_squared([p.deviation for p in self.counted])

    @cached_property
    def _largest(self) -> tuple[float, float]:
        return largest([p.deviation for p in self.judged])

    @property
    def chi2(self) -> float:
        """Sum of squared deviations."""
        return self._chi_squared[0]

    @property
    def p_value(self) -> float:
        """Probability of a sum as large."""
        return self._chi_squared[1]

    @property
    def largest(self) -> float:
        """Largest deviation in σ, with its sign."""
        return self._largest[0]

    @property
    def largest_p(self) -> float:
        """Probability of a deviation as large as `largest` among so many."""
        return self._largest[1]

    @property
    def outliers(self) -> tuple[Points, ...]:
        """Points that deviate by more than 3 σ."""
        return tuple(p for p in self.judged if abs(p.deviation) > OUTLIER)

    @property
    def p_values(self) -> tuple[float, ...]:
        """The p-value of every test: how often a right theory does worse."""
        return self.p_value, self.largest_p

    @property
    def agrees(self) -> bool:
        """Whether all tests are passed."""
        return min(self.p_values) >= FALSE_ALARM

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.curve,
            "agrees": self.agrees,
            "chi2": self.chi2,
            "dof": self.dof,
            "p_value": self.p_value,
            "largest_deviation": self.largest,
            "largest_p_value": self.largest_p,
            **({"within_allowance": self.num_within} if self.num_within else {}),
        }


@dataclass(frozen=True)
class Check:
    """One statement with what was found and what was expected."""

    name: str
    found: str
    expected: str
    passed: bool


def chi_squared(deviations: Sequence[float]) -> tuple[float, float]:
    """Sum of squared deviations, and the probability of one as large; 1 where there are none.

    Examples
    --------
    >>> chi2, p_value = chi_squared([1.0, -2.0])
    >>> chi2, round(p_value, 3)  # exp(-5 / 2)
    (5.0, 0.082)
    """
    total = float(sum(d * d for d in deviations))
    return total, float(scipy.stats.chi2.sf(total, len(deviations))) if deviations else 1.0


def largest(deviations: Sequence[float]) -> tuple[float, float]:
    """The largest deviation with its sign, and the probability of one as large among so many.

    Examples
    --------
    >>> far, p_value = largest([1.0, -1.96])
    >>> far, round(p_value, 4)  # 1 - 0.95²
    (-1.96, 0.0975)
    """
    farthest = max(deviations, key=abs, default=0.0)
    single = 2.0 * float(scipy.stats.norm.sf(abs(farthest)))
    return farthest, 1.0 - (1.0 - single) ** max(len(deviations), 1)
