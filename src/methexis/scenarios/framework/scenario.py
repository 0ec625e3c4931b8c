"""A scenario: a dial, curves of predictions along it, and how much is measured of each.

The file of a scenario states everything that a result could depend on, before any run: the dial's
values, the problems, seeds, values of the small parameter, numbers of replicas and the powers of
the fit. A *curve* is one way of training or stepping, with its own prediction along the dial. Its
*cases*, one per problem and value, hold that prediction and what is to be measured against it, at
a few values of the *small parameter*: the quantity that the theory sends to zero, nearly always
``η λ_max``, the learning rate in units of the sharpness.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from methexis.errors import MethexisError
from methexis.scenarios.framework.dial import Dial

#: Problems of a quick run.
QUICK_PROBLEMS = 1


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    small: tuple[float, ...]  # values of the small parameter, descending
    replicas: int  # at each of them; 1 where nothing is random
    #: Of the fit over the small parameter; the coefficient of power 0 is the limit. A fit uses no
    #: more of them than there are values.
    powers: tuple[int, ...]
    values: tuple[float, ...] | None = None  # the part of the dial that is measured; all by default
    hurry: float = 1.0  # factor on all slow times
    #: What is allowed for powers that too few values leave in: a part of what is predicted (of
    #: alignments, of ``1 - A``), and an amount. Zero in a full run.
    relative: float = 0.0
    absolute: float = 0.0

    def allowed(self, size: float) -> float:
        """How far a measurement may be off a prediction of that size."""
        return self.relative * size + self.absolute


class DialCase(Protocol):
    """One problem at one value of the dial, on one curve."""

    @property
    def parts(self) -> Mapping[str | None, float]:
        """What is predicted, by the names of its parts; None where there is one without a name."""


Case = TypeVar("Case", bound=DialCase)


@dataclass(frozen=True, eq=False)
class Curve(Generic[Case]):
    """One way of training or stepping, along the dial."""

    name: str  # for legends and tables
    #: ``case(problem, value)``; deterministic, and without any run.
    case: Callable[[int, float], Case]
    #: Of evidence, and of a look, which makes an allowance for what it does not extrapolate.
    full: Effort
    quick: Effort
    #: The part of the dial on which theory claims to hold, and is judged.
    holds: tuple[float, float] = (-math.inf, math.inf)
    #: Values of the dial at which evidence takes another effort.
    elsewhere: Mapping[float, Effort] = field(default_factory=dict)

    def evidence(self, value: float) -> Effort:
        """How much evidence takes at a value of the dial."""
        return self.elsewhere.get(value, self.full)


@dataclass(frozen=True, eq=False)
class Cell(Generic[Case]):
    """One thing to measure: of which curve and problem, at which dial value, how thoroughly."""

    curve: Curve[Case]
    problem: int
    value: float
    quick: bool

    @property
    def effort(self) -> Effort:
        """How much is measured."""
        return self.curve.quick if self.quick else self.curve.evidence(self.value)


@dataclass(frozen=True, eq=False)
class Scenario(Generic[Case]):
    """A dial, and curves of predictions along it."""

    name: str  # on the command line
    #: A few words; one sentence.
    title: str
    claim: str
    dial: Dial
    #: What each of the random problems is; their seeds are fixed beforehand.
    problems: tuple[str, ...]
    curves: tuple[Curve[Case], ...]
    #: In which limit the prediction is exact, and how it is taken; or that it is asymptotic, and
    #: where it should fail.
    limit: str
    seed: int  # of the first run; the others count on from it
    note: str = ""  # what else a reader should know
    #: Of a dial of kinds that is read as a table: names of groups of columns, with their values.
    groups: tuple[tuple[str, tuple[float, ...]], ...] = ()

    def values(self, effort: Effort) -> tuple[float, ...]:
        """Dial values that are measured."""
        return self.dial.values if effort.values is None else effort.values

    def cells(self, *, quick: bool) -> list[Cell[Case]]:
        """All that is measured, in order of curve, problem and value."""
        problems = QUICK_PROBLEMS if quick else len(self.problems)
        return [
            Cell(curve, problem, value, quick)
            for curve in self.curves
            for problem in range(problems)
            for value in self.values(curve.quick if quick else curve.full)
        ]

    def case(self, curve: Curve[Case], problem: int, value: float) -> Case:
        """One case, checked.

        Raises
        ------
        MethexisError
            On a value outside the dial's meaning, or a problem that does not exist.
        """
        if not 0 <= problem < len(self.problems):
            raise MethexisError(
                f"{self.name}: expected a problem from 0 to {len(self.problems) - 1}, got {problem}"
            )
        return curve.case(problem, self.dial.check(value))
