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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from methexis.scenarios.framework.judging import (
    FALSE_ALARM,
    OUTLIER,
    CurveVerdict,
    chi_squared,
    largest,
)
from methexis.scenarios.irreversibility.records import Point, Rest

#: Rounding of charges over a walk of hundreds of steps, relative to the largest weight squared.
LAW = 1e-12
#: A prediction below this is zero: nothing is random there.
ZERO = 1e-9


@dataclass(frozen=True)
class Verdict(CurveVerdict):
    """Of one curve.

    Attributes
    ----------
    rest_chi2, rest_p : float
    rest_dof : int
        Of all directions in which nothing is predicted; 0 where they were not judged.
    raw_chi2, raw_p : float
        Of the named directions without variates.
    signal : float
        Median over points of the prediction in standard errors of the measurement.
    outliers : tuple of Point
    """

    rest_chi2: float
    rest_dof: int
    rest_p: float
    raw_chi2: float
    raw_p: float
    signal: float
    outliers: tuple[Point, ...]

    @property
    def agrees(self) -> bool:
        """Whether all four questions are answered with yes."""
        least = min(self.p_value, self.largest_p, self.rest_p, self.raw_p)
        return least >= FALSE_ALARM


def judge(curve: str, points: Sequence[Point], rests: Sequence[Rest]) -> Verdict:
    """Judge the points of one curve, and its other directions."""
    counted = [p for p in points if abs(p.predicted) > ZERO]
    chi2, p_value = chi_squared([p.deviation for p in counted])
    raw_chi2, raw_p = chi_squared([p.raw_deviation for p in counted])
    far, far_p = largest([p.deviation for p in points])
    rest_chi2, rest_dof = sum(r.chi2 for r in rests), sum(r.dof for r in rests)
    return Verdict(
        curve=curve,
        chi2=chi2,
        dof=len(counted),
        p_value=p_value,
        largest=far,
        largest_p=far_p,
        rest_chi2=rest_chi2,
        rest_dof=rest_dof,
        rest_p=float(scipy.stats.chi2.sf(rest_chi2, rest_dof)) if rest_dof else 1.0,
        raw_chi2=raw_chi2,
        raw_p=raw_p,
        signal=float(np.median([p.signal for p in counted])),
        outliers=tuple(p for p in points if abs(p.deviation) > OUTLIER),
    )
