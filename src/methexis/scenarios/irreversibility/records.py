"""What is found of one case: records that verdict, report and ``--json`` read."""

from __future__ import annotations

from dataclasses import dataclass

from methexis.scenarios.framework import points


@dataclass(frozen=True, kw_only=True)
class Reading(points.Reading[float]):
    """What did not return at one learning rate, in one direction, over ``η``.

    Of integrators, its length. The value is less the variate's mean where there is a variate.
    """

    #: The same without variate.
    raw: float
    raw_error: float


@dataclass(frozen=True, kw_only=True)
class Point(points.DialPoint):
    """Prediction and measurement of one case, in one direction.

    Deviations are independent between the directions of a case.
    """

    part: str  # the direction
    #: Measured value, error and deviation without variates.
    raw: float
    raw_error: float
    raw_deviation: float
    readings: tuple[Reading, ...]
    #: Of the readings in the measured limit; none where they are not combined linearly.
    weights: tuple[float, ...] = ()

    @property
    def signal(self) -> float:
        """Prediction in standard errors of the measurement."""
        return abs(self.predicted) / self.error


@dataclass(frozen=True)
class Rest:
    """All directions of a case in which nothing is predicted."""

    curve: str
    problem: int
    value: float
    chi2: float
    dof: int


@dataclass(frozen=True)
class Control:
    """A walk that is shown beside the others, and not judged."""

    name: str
    steps: int  # in each direction
    length: float  # of what does not return


@dataclass(frozen=True)
class Found:
    """All that was measured of one case."""

    points: tuple[Point, ...]  # one per direction
    rest: Rest | None  # None where nothing is random, and in quick runs
    law: float  # largest violation of the law of charges on any walk
