"""What follows from the points of one curve: χ² along the dial, and every outlier.

Deviations are standard normal numbers if prediction and errors are right (`statistics.normal_score`
takes care of errors that are estimated from few replicas). Their squares add to a χ² with one
degree of freedom per point, since nothing was fitted to the predictions. A single bad point may
hide in the sum of many, so the largest deviation is judged by itself, at a level that allows for
their number (Bonferroni). Points at which theory does not claim to hold are shown and not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import scipy.stats

from methexis.scenarios.breaking.measure import Point

#: Probability with which a right prediction is called wrong, per curve and kind of test.
FALSE_ALARM = 0.001
#: Deviation in σ above which a point is printed as an outlier.
OUTLIER = 3.0


@dataclass(frozen=True)
class Verdict:
    """Of one curve.

    Attributes
    ----------
    curve : str
    chi2, p_value : float
    dof : int
        Judged points.
    largest : float
        Largest deviation in σ, with its sign.
    largest_p : float
        Probability of one as large among so many.
    outliers : tuple of Point
        Deviations above 3 σ.
    lost : int
        Replicas left out.
    """

    curve: str
    chi2: float
    dof: int
    p_value: float
    largest: float
    largest_p: float
    outliers: tuple[Point, ...]
    lost: int

    @property
    def agrees(self) -> bool:
        """Whether both tests are passed."""
        return self.p_value >= FALSE_ALARM and self.largest_p >= FALSE_ALARM


def judge(curve: str, points: Sequence[Point]) -> Verdict:
    """Judge the points of one curve."""
    judged = [p for p in points if p.judged]
    deviations = [p.deviation for p in judged]
    chi2 = float(sum(d * d for d in deviations))
    largest = max(deviations, key=abs, default=0.0)
    single = 2.0 * float(scipy.stats.norm.sf(abs(largest)))
    return Verdict(
        curve=curve,
        chi2=chi2,
        dof=len(judged),
        p_value=float(scipy.stats.chi2.sf(chi2, len(judged))) if judged else 1.0,
        largest=largest,
        largest_p=1.0 - (1.0 - single) ** max(len(judged), 1),
        outliers=tuple(p for p in judged if abs(p.deviation) > OUTLIER),
        lost=sum(r.lost for p in points for r in p.readings),
    )
