"""Ensembles that have settled: long enough after their start to have forgotten it.

Runs start where the prediction is *not*, at a minimum of the loss far from it, and are looked at
after a burn-in of several times the slowest relaxation time of the slow dynamics, at the predicted
end (`theory.FixedPoint.slowest_time`). Had they started at the prediction, a wrong one could look
right for want of time. Deviations of a kernel fall as ``e^{-t}`` in these units. At an offset
``1 - A`` is linear in them, and after 8 of them ``3e-4`` of the start's is left; where the
prediction is perfect alignment it is quadratic, and after 5 of them ``5e-5`` is left. Quick runs at
an offset wait for 5 of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.scenarios.breaking.case import Case
from methexis.scenarios.framework.ensembles import Ensemble, Start, theory_loss, window
from methexis.scenarios.framework.mean_kernels import joint_kernels
from methexis.theory.curvature import sharpness
from methexis.theory.fixed_points.steady import FixedPoint

#: Burn-in and window of averaging, in slowest relaxation times: at an offset, and without.
AT_OFFSET, WITHOUT = (8.0, 8.0), (5.0, 3.0)
#: Snapshots in the window.
SNAPSHOTS = 24


def settled(
    source: Teacher | Samples,
    students: tuple[EDLN, ...],
    ends: Sequence[FixedPoint],
    start: Start,
    *,
    times: tuple[float, float] = AT_OFFSET,
    loss: str = "squared",
    **options: Any,
) -> Callable[[float], Ensemble]:
    """The ensemble that settles at ``ends``, for ``η λ_max`` given; λ_max is the largest of them.

    Other options are fields of `Ensemble`.
    """
    sharpest = max(
        float(sharpness(source, student, end.weights, loss=theory_loss(loss)))
        for student, end in zip(students, ends, strict=True)
    )
    slowest = max(end.slowest_time for end in ends)
    burn_in, length = times

    def at(small: float) -> Ensemble:
        seen = window(burn_in * slowest, (burn_in + length) * slowest, SNAPSHOTS)
        return Ensemble(source, students, start, small / sharpest, seen, loss=loss, **options)

    return at


def settled_case(
    source: Teacher | Samples,
    students: tuple[EDLN, ...],
    ends: Sequence[FixedPoint],
    start: Start,
    *,
    loss: str = "squared",
    **options: Any,
) -> Case:
    """A case that is predicted to be at ``ends``; see `settled` for the rest."""
    predicted = kernels_at(source, students, [end.weights for end in ends], theory_loss(loss))
    return Case(predicted, settled(source, students, ends, start, loss=loss, **options))


def kernels_at(
    source: Teacher | Samples,
    students: tuple[EDLN, ...],
    weights: Sequence[Sequence[Array]],
    loss: str = "squared",
) -> tuple[Array, ...]:
    """Kernels of all hidden layers at given weights."""
    problems = [Problem.of(source, student, loss) for student in students]
    return tuple(joint_kernels(source, students, problems, weights))
