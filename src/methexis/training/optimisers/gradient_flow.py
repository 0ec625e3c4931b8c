"""`GradientFlow`: the control of `SGD`, the same descent without discreteness and noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, number
from methexis.display import Displayed
from methexis.schedules import Schedule
from methexis.training.cells import HyperParameter, hyper_parameter, plain
from methexis.training.optimisers.rule import Hyper


@dataclass(frozen=True, eq=False)
class GradientFlow(Displayed):
    """``dW/dt = -∇L`` with the exact gradient, ``t = lr`` per step: the force switched off.

    There are no samples: a run with it ignores ``sampling``, ``batch`` and ``paired``, and its
    provenance says ``"full"`` and no batch.

    Parameters
    ----------
    lr : float or DataArray
        Time that one step stands for, so that a run can be laid beside one of `SGD`.
    rtol : float
        Relative tolerance of the integrator (LSODA; DOP853 for large networks). The flow has ended,
        and stands still from there, when its speed is below this part of its scale.

    Raises
    ------
    MethexisError
        On a number outside its range.

    Examples
    --------
    >>> GradientFlow(lr=0.1).rates(0, 2, total=5).tolist()
    [0.1, 0.1]
    """

    num_slots: ClassVar[int] = 0  # the weights are all that the next moment depends on
    slow_time_unknown: ClassVar[str] = ""

    lr: HyperParameter
    rtol: float = 1e-10

    def __post_init__(self) -> None:
        hyper_parameter("lr", self.lr, above=0.0)
        number("rtol", self.rtol, least=1e-13, below=1e-2)

    @property
    def schedule(self) -> Schedule:
        """Every step stands for the same time."""
        return Schedule()

    def rates(self, first: int, count: int, total: int) -> Array:
        """Time per step, constant."""
        del first, total
        return np.full(count, plain("lr", self.lr))

    def slow_factor(self, hyper: Hyper, batch: int = 1) -> Array:
        """Zero: nothing happens on slow time without noise."""
        del batch
        return np.zeros_like(hyper["lr"])

    def slow_time(self, steps: NDArray[np.int64], total: int, batch: int) -> Array:
        """Zero: nothing happens on slow time without noise."""
        del total, batch
        return np.zeros(len(steps))

    def describe(self) -> dict[str, Any]:
        """The specification as plain data, for provenance and fingerprint."""
        return {"name": "GradientFlow", "lr": self.lr, "rtol": self.rtol}
