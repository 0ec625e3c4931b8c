"""A case of sharpening, fixed before a run: problem, start, way of training; and what is found.

A case is trained at a few values of its *small parameter*, which the theory sends to zero, and its
curvature along the minima is extrapolated to that limit and compared with the slow dynamics from
the same start. In nearly all cases the small parameter is ``η λ_max``, the learning rate in units
of the largest sharpness that is predicted along the path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.framework.points import EnsembleReading, Point
from methexis.scenarios.framework.scenario import Effort
from methexis.scenarios.sharpening.training import Training

#: Names of the quantities that are followed.
TRACE, TOP, BATCH, ALIGNMENT = "trace", "top", "batch", "alignment"
#: What is expected of trace and largest eigenvalue.
RISES, FALLS = "rises", "falls"


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
    facts : function, optional
        What the case claims besides directions and paths, checked once it is measured.
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
    facts: Callable[[Found], list[Check]] | None = None


@dataclass(frozen=True, kw_only=True)
class Reading(EnsembleReading[dict[str, Array]]):
    """An ensemble at one value of the small parameter: paths ``(time, student)`` by quantity.

    Attributes
    ----------
    replica_paths : dict of arrays (time, replica, student)
        What a figure draws.
    """

    replica_paths: dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class PathPoint(Point):
    """One quantity of one student at one slow time."""

    quantity: str
    student: int
    slow_time: float


@dataclass(frozen=True, eq=False)
class Found:
    """A case with its prediction, its readings and their limit.

    Attributes
    ----------
    start, fine, control : dict of arrays (…, student)
        Prediction at slow time 0; along `fine_times`; and where gradient flow has gone in the time
        of the run, at ``slow_times``; the last is empty without a control.
    """

    case: Case
    quick: bool
    start: dict[str, Array]
    fine_times: Array
    fine: dict[str, Array]
    control: dict[str, Array]
    readings: tuple[Reading, ...]
    points: tuple[PathPoint, ...]

    def of(self, quantity: str, student: int = 0) -> list[PathPoint]:
        """Points of one quantity, in order of time."""
        return [p for p in self.points if p.quantity == quantity and p.student == student]

    @property
    def quantities(self) -> list[str]:
        """What was measured."""
        return list(self.readings[0].value)

    def num_students(self, quantity: str) -> int:
        """Of how many students."""
        return int(self.readings[0].value[quantity].shape[-1])

    @property
    def lost(self) -> int:
        """Replicas that diverged or collapsed."""
        return sum(r.lost for r in self.readings)
