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
    """One case; see the module's docstring."""

    name: str  # on the command line
    #: A few words; one sentence.
    title: str
    claim: str
    found: str  # how teacher and start were found, without any run
    teacher: Callable[[], Teacher]  # makes the teacher
    students: Callable[[Teacher], list[EDLN]]  # makes the students of a teacher
    #: Weights of every student, on the minima.
    start: Callable[[Teacher, Sequence[EDLN]], list[list[Array]]]
    training: Training
    slow_times: tuple[float, ...]  # increasing slow times ``τ`` at which curvature is measured
    expected: Direction  # ``rises`` or ``falls``: trace, largest eigenvalue
    full: Effort
    quick: Effort
    seed: int  # of the first run
    note: str = ""  # what else a reader should know
    control: bool = False  # whether gradient flow is followed from the same weights
    #: What the case claims beyond directions and paths, checked once it is measured.
    facts: Callable[[Found], list[Check]] | None = None


@dataclass(frozen=True, kw_only=True)
class Reading(EnsembleReading[dict[str, Array]]):
    """An ensemble at one value of the small parameter: paths ``(time, student)`` by quantity."""

    replica_paths: dict[str, Array]  # (time, replica, student): what a figure draws


@dataclass(frozen=True, kw_only=True)
class PathPoint(Point):
    """One quantity of one student at one slow time."""

    quantity: str
    student: int
    slow_time: float


@dataclass(frozen=True, eq=False)
class Found:
    """A case with its prediction, its readings and their limit."""

    case: Case
    quick: bool
    #: (…, student): prediction at slow time 0; along `fine_times`; and where gradient flow has gone
    #: in the time of the run, at ``slow_times``; the last is empty without a control.
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
        """Names of the quantities that were measured."""
        return list(self.readings[0].value)

    def num_students(self, quantity: str) -> int:
        """Number of students of which a quantity was measured."""
        return int(self.readings[0].value[quantity].shape[-1])

    @property
    def lost(self) -> int:
        """Replicas that diverged or collapsed."""
        return sum(r.lost for r in self.readings)
