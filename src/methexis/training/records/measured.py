"""What the measurements of a run refer to: the problem that a student's noise makes of it.

An engine sees samples. Theory sees moments, and two settings of a run change those. Label noise
adds ``σ² 1`` to the noise of the source. A linear student's loss that is whitened by a running
estimate has, once the estimate has settled, the metric of all the noise that the student sees.
Where there is no such metric, because the noise is singular, or the student nonlinear so that
nobody knows what its residuals settle to, the plain squared loss is measured. Networks of one
level of label noise share their problems and closed forms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import ConditionError
from methexis.core.problem import Problem
from methexis.theory.platonic import PlatonicSolution, platonic_of
from methexis.training.plan import Plan


@dataclass(frozen=True, eq=False)
class Measured:
    """One student at one level of label noise."""

    problem: Problem  # what loss, entropy and curvature are those of
    solution: PlatonicSolution | None  # closed form; None where a condition of the theorem fails
    condition: str  # that condition, or nothing

    @property
    def in_theory(self) -> bool:
        """Whether entropy and curvature are known at all, as for linear students."""
        return self.problem.linear and self.problem.loss != "cross_entropy"


@dataclass(frozen=True, eq=False)
class Level:
    """The networks that share a level of label noise, and their students."""

    networks: NDArray[np.intp]  # their places on the axis of networks
    students: list[Measured]


def levels(plan: Plan) -> list[Level]:
    """All levels of label noise of a plan, from the least on."""
    return [
        Level(
            np.flatnonzero(plan.label_noise == deviation),
            [measured_at(problem, float(deviation)) for problem in plan.problems],
        )
        for deviation in np.unique(plan.label_noise)
    ]


def measured_at(problem: Problem, deviation: float) -> Measured:
    """What a student is measured by at one standard deviation of label noise."""
    noisy = problem.with_label_noise(deviation)
    try:
        noisy.require_theory()
        if problem.loss == "whitened_running":
            noisy = noisy.whitened_by_noise()
        return Measured(noisy, platonic_of(noisy), "")
    except ConditionError as error:
        return Measured(noisy, None, str(error))
