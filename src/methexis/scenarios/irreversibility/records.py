"""What is found of one case: records that verdict, report and ``--json`` read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """What did not return at one learning rate, in one direction, over ``η``.

    Of integrators, its length.

    Attributes
    ----------
    small, lr : float
        ``ηλ`` and ``η``.
    steps, replicas, seed : int
    value, error : float
        Mean over replicas, less the variate's where there is one, and its standard error.
    raw, raw_error : float
        The same without variate.
    """

    small: float
    lr: float
    steps: int
    replicas: int
    seed: int
    value: float
    error: float
    raw: float
    raw_error: float


@dataclass(frozen=True)
class Point:
    """Prediction and measurement of one case, in one direction.

    Attributes
    ----------
    curve : str
    problem : int
    value : float
        Of the dial.
    part : str
        The direction.
    predicted, measured : float
        Of the limit ``η -> 0``.
    error, half : float
        Standard error of the measured value, and half of its 95 % interval.
    allowed : float
        What a quick run allows for powers that it does not extrapolate away; else 0.
    deviation : float
        Measured less predicted, less what is allowed, as a standard normal number; independent
        between the directions of a case.
    raw, raw_error, raw_deviation : float
        The same without variates.
    readings : tuple of Reading
    weights : tuple of float
        Of the readings in the measured limit; none where they are not combined linearly.
    """

    curve: str
    problem: int
    value: float
    part: str
    predicted: float
    measured: float
    error: float
    half: float
    allowed: float
    deviation: float
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
