"""What a case of sharpening is: problem, start, way of training and prediction, fixed before a run.

A case is trained at a few values of its *small parameter*, which the theory sends to zero, and its
curvature along the minima is extrapolated to that limit and compared with the slow dynamics from
the same start. In nearly all cases the small parameter is ``η λ_max``, the learning rate in units
of the largest sharpness that is predicted along the path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    small : tuple of float
        Values of the small parameter, descending.
    replicas : int
        At each of them.
    powers : tuple of int
        Of the fit over the small parameter.
    allowed : float
        Part of a value that is allowed for powers left out; 0 in a full run.
    """

    small: tuple[float, ...]
    replicas: int
    powers: tuple[int, ...]
    allowed: float = 0.0


class Training(Protocol):
    """How a case is trained: what belongs to a value of the small parameter."""

    @property
    def sampling(self) -> str:
        """As in `train`."""

    @property
    def batch(self) -> int:
        """Batch size."""

    @property
    def batch_sharpness(self) -> bool:
        """Whether it is measured: noise and samples are the teacher's."""

    def source(self, teacher: Teacher) -> Teacher | Samples:
        """What SGD draws from."""

    def rates(self, small: float, sharpest: float) -> tuple[float, float, float]:
        """Learning rate, label noise, and slow time per step."""

    def velocity(self, problem: Problem, weights: list[Array]) -> list[Array]:
        """Predicted ``dθ/dτ``."""


Direction = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Case:
    """One case; see the module's docstring.

    Attributes
    ----------
    name : str
        On the command line.
    title, claim : str
        A few words; one sentence.
    found : str
        How teacher and start were found, without any run.
    teacher : function
        Makes the teacher.
    students : function
        Makes the students of a teacher.
    start : function
        Weights of every student, on the minima.
    training : Training
    slow_times : tuple of float
        Increasing slow times ``τ`` at which curvature is measured.
    expected : tuple of str
        ``rises`` or ``falls``: trace, largest eigenvalue.
    full, quick : Effort
    seed : int
        Of the first run.
    note : str
        What a reader should know besides.
    control : bool
        Whether gradient flow is followed from the same weights.
    log_time : bool
        Whether a figure's axis is logarithmic.
    """

    name: str
    title: str
    claim: str
    found: str
    teacher: Callable[[], Teacher]
    students: Callable[[Teacher], list[EDLN]]
    start: Callable[[Teacher, Sequence[EDLN]], list[list[Array]]]
    training: Training
    slow_times: tuple[float, ...]
    expected: Direction
    full: Effort
    quick: Effort
    seed: int
    note: str = ""
    control: bool = False
