"""What follows from the points of one curve: χ² along the dial, and every outlier.

Both tests are those of `judging`; `statistics.normal_score` takes care of errors that are estimated
from few replicas. Points at which theory does not claim to hold are shown and not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.framework.judging import (
    FALSE_ALARM,
    OUTLIER,
    CurveVerdict,
    chi_squared,
    largest,
)


@dataclass(frozen=True)
class Verdict(CurveVerdict):
    """Of one curve.

    Attributes
    ----------
    outliers : tuple of Point
        Deviations above 3 σ.
    lost : int
        Replicas left out.
    """

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
    chi2, p_value = chi_squared(deviations)
    far, far_p = largest(deviations)
    return Verdict(
        curve=curve,
        chi2=chi2,
        dof=len(judged),
        p_value=p_value,
        largest=far,
        largest_p=far_p,
        outliers=tuple(p for p in judged if abs(p.deviation) > OUTLIER),
        lost=sum(r.lost for p in points for r in p.readings),
    )
