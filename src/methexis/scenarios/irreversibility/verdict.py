"""What follows from the points of one way of stepping: χ², every outlier, and the law of charges.

Four questions, each answered by a probability with which a right theory does worse: do the named
directions agree, does the worst of them among so many (Bonferroni), is nothing found in all other
directions, and do the named ones agree without variates. Deviations within a case are independent
standard normal numbers by construction (`limits`), and cases have separate random numbers. Exact
descent and integrators have no chance in them: their deviations are in units of what the last power
of the fit changes. Nor has a batch of all samples among random ones, which counts for the largest
deviation only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from methexis.core.parallel.caching import cached_property
from methexis.scenarios.framework import judging
from methexis.scenarios.irreversibility.records import Point, Rest

#: Rounding of charges over a walk of hundreds of steps, relative to the largest weight squared.
LAW = 1e-12
#: A prediction below this is zero: nothing is random there.
ZERO = 1e-9


@dataclass(frozen=True)
class Verdict(judging.Verdict[Point]):
    """What follows from the points of one curve and from its other directions."""

    #: All directions in which nothing is predicted; none where they were not judged.
    rests: tuple[Rest, ...]

    @property
    def counted(self) -> tuple[Point, ...]:
        """Points at which something is predicted."""
        return tuple(p for p in self.points if abs(p.predicted) > ZERO)

    @property
    def rest_chi2(self) -> float:
        """χ² of the other directions."""
        return sum(r.chi2 for r in self.rests)

    @property
    def rest_dof(self) -> int:
        """Number of the other directions, over all cases."""
        return sum(r.dof for r in self.rests)

    @property
    def rest_p(self) -> float:
        """Probability of a χ² as large in them."""
        return float(scipy.stats.chi2.sf(self.rest_chi2, self.rest_dof)) if self.rest_dof else 1.0

    @cached_property
    def _raw(self) -> tuple[float, float]:
        return judging.chi_squared([p.raw_deviation for p in self.counted])

    @property
    def raw_chi2(self) -> float:
        """χ² of the named directions without variates."""
        return self._raw[0]

    @property
    def raw_p(self) -> float:
        """Probability of a χ² as large as `raw_chi2`."""
        return self._raw[1]

    @property
    def signal(self) -> float:
        """Median over points of the prediction in standard errors of the measurement."""
        return float(np.median([p.signal for p in self.counted]))

    @property
    def p_values(self) -> tuple[float, ...]:
        """The p-values of all four questions."""
        return *super().p_values, self.rest_p, self.raw_p

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            **super().summary(),
            "other_directions": {
                "chi2": self.rest_chi2,
                "dof": self.rest_dof,
                "p_value": self.rest_p,
            },
            "without_variates": {"chi2": self.raw_chi2, "p_value": self.raw_p},
            "signal_to_noise": self.signal,
            "outliers": [
                {"problem": p.problem, "value": p.value, "part": p.part, "deviation": p.deviation}
                for p in self.outliers
            ],
        }
