"""What is measured: a reading at a small parameter, and the point that readings are reduced to.

A *reading* is one ensemble at one value of the small parameter. A *point* is one predicted number
beside what its readings tell of the limit; a *line* is the same prediction along the dial, at more
values than are measured. Each kind of scenario adds what only it knows to these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from methexis.scenarios.framework.statistics import beyond, half_width, normal_score

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Reading(Generic[Value]):
    """A measured value at one value of the small parameter."""

    #: Small parameter, learning rate.
    small: float
    lr: float
    steps: int
    replicas: int
    seed: int
    #: Mean over replicas, and its standard error: a number, or arrays of them by name.
    value: Value
    error: Value


@dataclass(frozen=True, kw_only=True)
class EnsembleReading(Reading[Value]):
    """A reading of an ensemble, which may lose replicas."""

    lost: int = 0  # replicas that diverged or collapsed
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """Prediction and measurement of one number."""

    #: Of the limit of a vanishing small parameter.
    predicted: float
    measured: float
    #: Standard error of the measured value, and half of its 95 % interval.
    error: float
    half: float
    allowed: float  # what a quick run allows for powers that it does not extrapolate away; else 0
    #: Measured less predicted, less what is allowed, in standard deviations of a normal law.
    deviation: float

    @classmethod
    def compared(
        cls,
        *,
        predicted: float,
        measured: float,
        error: float,
        dof: int,
        allowed: float,
        **other: Any,
    ) -> Self:
        """A point whose error is estimated with ``dof`` degrees of freedom."""
        return cls(
            predicted=predicted,
            measured=measured,
            error=error,
            half=half_width(error, replicas=dof + 1),
            allowed=allowed,
            deviation=normal_score(float(beyond(measured - predicted, allowed)) / error, dof),
            **other,
        )

    @property
    def gap(self) -> float:
        """The measured value less the predicted one."""
        return self.measured - self.predicted


@dataclass(frozen=True, kw_only=True)
class DialPoint(Point):
    """A point along a dial."""

    curve: str
    problem: int
    value: float  # of the dial


@dataclass(frozen=True)
class Line:
    """A prediction along the dial, at more values than are measured."""

    curve: str
    problem: int
    #: Dial, and what is predicted there.
    values: tuple[float, ...]
    predicted: tuple[float, ...]
    part: str | None = None  # of what is predicted, where it has parts
