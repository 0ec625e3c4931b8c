"""How predictions are judged by deviations that are standard normal numbers if they are right.

Their squares add to a χ² with one degree of freedom each, since nothing was fitted to the
predictions. A single bad point may hide in the sum of many, so the largest deviation is judged by
itself, at a level that allows for their number (Bonferroni).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import scipy.stats

#: Probability with which a right prediction is called wrong, per kind of test.
FALSE_ALARM = 0.001
#: Deviation in σ above which a point is printed as an outlier.
OUTLIER = 3.0


@dataclass(frozen=True)
class CurveVerdict(ABC):
    """Of one curve along a dial; subclasses add what else is asked.

    Attributes
    ----------
    curve : str
    chi2, p_value : float
    dof : int
        Points that are counted in χ².
    largest : float
        Largest deviation in σ, with its sign.
    largest_p : float
        Probability of one as large among so many.
    """

    curve: str
    chi2: float
    dof: int
    p_value: float
    largest: float
    largest_p: float

    @property
    @abstractmethod
    def agrees(self) -> bool:
        """Whether all tests are passed."""

    def opening(self) -> dict[str, Any]:
        """The start of its summary, as plain data."""
        return {
            "name": self.curve,
            "agrees": self.agrees,
            "chi2": self.chi2,
            "dof": self.dof,
            "p_value": self.p_value,
            "largest_deviation": self.largest,
            "largest_p_value": self.largest_p,
        }


def chi_squared(deviations: Sequence[float]) -> tuple[float, float]:
    """Sum of squares, and the probability of one as large; 1 where there are none.

    Examples
    --------
    >>> chi2, p_value = chi_squared([1.0, -2.0])
    >>> chi2, round(p_value, 3)  # exp(-5 / 2)
    (5.0, 0.082)
    """
    total = float(sum(d * d for d in deviations))
    return total, float(scipy.stats.chi2.sf(total, len(deviations))) if deviations else 1.0


def largest(deviations: Sequence[float]) -> tuple[float, float]:
    """The largest with its sign, and the probability of one as large among so many.

    Examples
    --------
    >>> far, p_value = largest([1.0, -1.96])
    >>> far, round(p_value, 4)  # 1 - 0.95²
    (-1.96, 0.0975)
    """
    found = max(deviations, key=abs, default=0.0)
    single = 2.0 * float(scipy.stats.norm.sf(abs(found)))
    return found, 1.0 - (1.0 - single) ** max(len(deviations), 1)
