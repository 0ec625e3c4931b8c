"""What is found of one case: records that verdict, report and ``--json`` read."""

from __future__ import annotations

from dataclasses import dataclass

from methexis.scenarios.framework import points


@dataclass(frozen=True, kw_only=True)
class Reading(points.Reading[float]):
    """What did not return at one learning rate, in one direction, over ``η``.

    Of integrators, its length. The value is less the variate's mean where there is a variate.

    Attributes
    ----------
    raw, raw_error : float
        The same without variate.
    """

    raw: float
    raw_error: float


@dataclass(frozen=True, kw_only=True)
class Point(points.DialPoint):
    """Prediction and measurement of one case, in one direction.

    Deviations are independent between the directions of a case.

    Attributes
    ----------
    part : str
        The direction.
    raw, raw_error, raw_deviation : float
        Measured value, error and deviation without variates.
    readings : tuple of Reading
    weights : tuple of float
        Of the readings in the measured limit; none where they are not combined linearly.
    """

    part: str
    raw: float
    raw_error: float
    raw_deviation: float
    readings: tuple[Reading, ...]
    weights: tuple[float, ...] = ()

    @property
    def signal(self) -> float:
        """Prediction in standard errors of the measurement."""
        return abs(self.predicted) / self.error


@dataclass(frozen=True)
class Rest:
    """All directions of a case in which nothing is predicted.

    Attributes
    ----------
    curve : str
    problem : int
    value : float
    chi2 : float
    dof : int
    """

    curve: str
    problem: int
    value: float
    chi2: float
    dof: int


@dataclass(frozen=True)
class Control:
    """A walk that is shown beside the others, and not judged.

    Attributes
    ----------
    name : str
    steps : int
        In each direction.
    length : float
        Of what does not return.
    """

    name: str
    steps: int
    length: float


@dataclass(frozen=True)
class Found:
    """All of one case.

    Attributes
    ----------
    points : tuple of Point
        One per direction.
    rest : Rest or None
        None where nothing is random, and in quick runs.
    law : float
        Largest violation of the law of charges on any walk.
    """

    points: tuple[Point, ...]
    rest: Rest | None
    law: float
