"""What a scenario is: a dial, curves of predictions without fitted parameters, and how to measure.

One file per scenario states everything that a result could depend on, before any run: the dial's
values, the problems, seeds, learning rates, numbers of replicas and the powers of the fit. A curve
is one way of training (i.i.d., shuffled, …) with its own prediction along the dial. Its cases, one
per problem and value, name the predicted alignments of all pairs of hidden layers and the ensemble
that measures them at a value of the *small parameter*: the quantity that the theory sends to zero,
in nearly all scenarios ``η λ_max``, the learning rate in units of the sharpness.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.scenarios.framework.dial_scenario import DialScenario
from methexis.scenarios.framework.ensembles import Ensemble

#: What a full run needs to be evidence.
LEAST_VALUES, LEAST_PROBLEMS, LEAST_REPLICAS = 5, 3, 16
#: Alignment above which a pair counts as predicted to be perfect.
PERFECT = 1.0 - 1e-9

#: 1 - A where theory predicts no offset: the deviation of two kernels starts at order ε and ``1 -
#: A`` is half of its square, so there is no linear term, and a cubic one (docs/theory.md §5.6).
NO_OFFSET = (0, 2, 3)
#: 1 - A at an offset: the deviation of order ε multiplies the offset itself.
OFFSET = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Case:
    """One problem at one value of the dial.

    Attributes
    ----------
    predicted : array (layer, layer)
        Alignment of every pair of hidden layers, of all students, by theory.
    ensemble : function
        What measures it, at a value of the small parameter.
    """

    predicted: Array
    ensemble: Callable[[float], Ensemble]


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    small : tuple of float
        Values of the small parameter, descending.
    replicas : int
        At each of them.
    values : tuple of float, optional
        The part of the dial that is measured; all by default.
    hurry : float
        Factor on all slow times.
    relative, absolute : float
        What is allowed for powers of the small parameter that too few values leave in: part of the
        predicted ``1 - A``, and an amount. Zero in a full run.
    """

    small: tuple[float, ...]
    replicas: int
    values: tuple[float, ...] | None = None
    hurry: float = 1.0
    relative: float = 0.0
    absolute: float = 0.0


@dataclass(frozen=True, eq=False)
class Curve:
    """One way of training, along the dial.

    Attributes
    ----------
    name : str
        For legends and tables.
    case : function
        ``case(problem, value)``; deterministic, and without any run.
    full : Effort
        Extrapolated to a small parameter of zero by a fit of `powers`.
    powers : tuple of int
        Model ``Σ_p c_p ε^p`` of ``1 - A``; the coefficient of power 0 is the value. Of cases that
        are predicted to be perfect it is `NO_OFFSET` on every curve.
    quick : Effort
        Few values of the small parameter, fitted with as many of the powers; an allowance is made
        for what the others do.
    holds : tuple of two floats
        The part of the dial on which theory claims to hold, and is judged.
    """

    name: str
    case: Callable[[int, float], Case]
    full: Effort
    powers: tuple[int, ...]
    quick: Effort
    holds: tuple[float, float] = (-math.inf, math.inf)

    def powers_at(self, predicted: float) -> tuple[int, ...]:
        """Powers of the fit where theory predicts that alignment of the watched pair."""
        return NO_OFFSET if predicted > PERFECT else self.powers


@dataclass(frozen=True, eq=False)
class Scenario(DialScenario[Curve]):
    """One way of breaking Plato, or of failing to."""

    def values(self, effort: Effort) -> tuple[float, ...]:
        """Dial values that are measured."""
        return self.dial.values if effort.values is None else effort.values

    def case(self, curve: Curve, problem: int, value: float) -> Case:
        """One case, checked.

        Raises
        ------
        MethexisError
            On a value outside the dial's meaning, or a problem that does not exist.
        """
        found = curve.case(problem, self.checked(problem, value))
        if not np.all(np.abs(found.predicted) <= 1.0 + 1e-12):
            raise MethexisError(f"{self.name}: expected predicted alignments in [-1, 1]")
        return found
