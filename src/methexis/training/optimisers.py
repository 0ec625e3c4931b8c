"""Optimisers, as specifications; an engine carries them out.

`SGD` is the subject of the theory. `GradientFlow` is its control: the same descent without
discreteness and noise, so without the entropic force.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, MethexisError, number
from methexis.schedules import Schedule


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with heavy-ball momentum and decoupled weight decay.

    One step with the batch-mean gradient ``G`` of ``ℓ`` (no ½)::

        v <- β v + G
        W <- (1 - η_t γ) W - η_t v

    Parameters
    ----------
    lr : float
        Learning rate ``η > 0`` per step.
    momentum : float
        ``β`` in [0, 1).
    weight_decay : float
        ``γ >= 0``.
    schedule : Schedule
        Factor of ``η`` along the run; constant by default.

    Raises
    ------
    MethexisError
        On a number outside its range.

    Examples
    --------
    >>> SGD(lr=0.01).weight_decay
    0.0
    """

    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        number("lr", self.lr, above=0.0)
        number("momentum", self.momentum, least=0.0, below=1.0)
        number("weight_decay", self.weight_decay, least=0.0)
        if not isinstance(self.schedule, Schedule):
            raise MethexisError(f"schedule: expected a Schedule, got {self.schedule!r}")
        if self.lr * self.weight_decay >= 1.0:
            raise MethexisError(
                "weight_decay: expected lr * weight_decay < 1 (else weights change sign each "
                f"step), got {self.lr * self.weight_decay:g}"
            )

    def rates(self, first: int, count: int, total: int) -> Array:
        """Learning rates ``η_t`` of ``count`` steps from ``first`` in a run of ``total``."""
        return np.asarray(self.lr * self.schedule.factors(first, count, total))

    def slow_time(self, steps: NDArray[np.int64], total: int, batch: int) -> Array:
        """``τ = Σ_{s<t} (η_s/(1-β))² / B`` at each of increasing ``steps``."""
        unit = (self.lr / (1.0 - self.momentum)) ** 2 / batch
        return unit * self.schedule.sums_of_squares(steps, total)


@dataclass(frozen=True)
class GradientFlow:
    """``dW/dt = -∇L`` with the exact gradient, ``t = lr`` per step: the force switched off.

    There are no samples: a run with it ignores ``sampling``, ``batch`` and ``paired``, and its
    provenance says ``"full"`` and no batch.

    Parameters
    ----------
    lr : float
        Time that one step stands for, so that a run can be laid beside one of `SGD`.
    rtol : float
        Relative tolerance of the integrator (LSODA; DOP853 for large networks). The flow has ended,
        and stands still from there, when its speed is below this part of its scale.

    Raises
    ------
    MethexisError
        On a number outside its range.
    """

    lr: float
    rtol: float = 1e-10

    def __post_init__(self) -> None:
        number("lr", self.lr, above=0.0)
        number("rtol", self.rtol, least=1e-13, below=1e-2)

    def rates(self, first: int, count: int, total: int) -> Array:
        """Time per step, constant."""
        del first, total
        return np.full(count, self.lr)

    def slow_time(self, steps: NDArray[np.int64], total: int, batch: int) -> Array:
        """Zero: nothing happens on slow time without noise."""
        del total, batch
        return np.zeros(len(steps))


Optimiser = SGD | GradientFlow
