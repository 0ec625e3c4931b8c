"""What a scenario of irreversibility is: a dial, and ways of stepping along it, fixed before a run.

A case belongs to a way, a problem and a value of the dial. It knows its predictions, one for each
direction (or other quantity) that theory names, and how to measure them at the effort it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from methexis.scenarios.framework.dial_scenario import DialScenario
from methexis.scenarios.irreversibility.records import Control, Found

#: Takes the part of a case that is done.
Show = Callable[[float], None]


@dataclass(frozen=True)
class Label:
    """Of which case a measurement is: way, problem, value of the dial."""

    curve: str
    problem: int
    value: float


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    small : tuple of float
        Values of ``ηλ``, descending.
    replicas : int
        At each of them; 1 where nothing is random.
    powers : tuple of int
        Of the fit over ``η``; no more of them are used than there are values.
    allowed : float
        Part of the prediction that is allowed for powers left out; 0 in a full run.
    """

    small: tuple[float, ...]
    replicas: int
    powers: tuple[int, ...]
    allowed: float = 0.0


class Case(Protocol):
    """One way of stepping, problem and value of the dial."""

    @property
    def parts(self) -> dict[str, float]:
        """Predictions by the names of their directions."""

    def measure(
        self, label: Label, effort: Effort, *, seed: int, show: Show | None = None
    ) -> Found:
        """Measure and compare; ``seed`` is that of the first ensemble."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One way of stepping, along the dial.

    Attributes
    ----------
    name : str
    case : function
        ``case(problem, value)``; deterministic, and without any run.
    full, quick : Effort
    values : tuple of float, optional
        The part of the dial on which it has a meaning; all by default.
    """

    name: str
    case: Callable[[int, float], Case]
    full: Effort
    quick: Effort
    values: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False)
class Scenario(DialScenario[Curve]):
    """A dial of irreversibility.

    Attributes
    ----------
    controls : function, optional
        ``controls(quick)``: lengths left by walks of the first problem, to be shown, not judged.
    """

    controls: Callable[[bool], tuple[Control, ...]] | None = None

    def values(self, curve: Curve) -> tuple[float, ...]:
        """Values of the dial at which a way is measured."""
        return self.dial.values if curve.values is None else curve.values

    def case(self, curve: Curve, problem: int, value: float) -> Case:
        """One case, checked.

        Raises
        ------
        MethexisError
            On a value outside the dial's meaning, or a problem that does not exist.
        """
        return curve.case(problem, self.checked(problem, value))
