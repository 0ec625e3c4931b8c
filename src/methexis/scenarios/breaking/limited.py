"""Cases of students that cannot represent the teacher's map: how three scenarios make theirs.

Each student's own problem, with the best map it can represent as target and the rest as noise, has
the minima that its runs settle on (`core.attainable`); `theory.deficit_fixed_point` says where.

The small parameter is ``η λ_max sqrt(ν)``. The factor ``ν = Tr Σε'/Tr Σε`` says how much larger
the noise is that a student meets, among the answers it can give, than that of the labels; without
it, weights would fluctuate more and more along a dial that takes signal away.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from methexis.core.attainable import attainable
from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.problem import Problem
from methexis.core.teacher import Teacher
from methexis.scenarios.breaking.case import Case
from methexis.scenarios.breaking.settled import AT_OFFSET, kernels_at, settled
from methexis.theory.fixed_points.deficit import deficit_fixed_point
from methexis.theory.fixed_points.steady import FixedPoint
from methexis.theory.gauge import balanced_minimum_of


def limited(
    teacher: Teacher,
    students: tuple[EDLN, ...],
    *,
    times: tuple[float, float] = AT_OFFSET,
    ranks: tuple[int | None, ...] | None = None,
) -> Case:
    """Independent samples, from balanced minima to the ends that theory names.

    With ``ranks`` a student holds that many neurons per hidden layer, and the others are zero in
    both adjacent weights, which SGD keeps exactly; None for all neurons.
    """
    held = ranks or (None,) * len(students)
    small = tuple(_narrowed(s, rank) for s, rank in zip(students, held, strict=True))
    ends = [_end(teacher, s) for s in small]
    whole = [
        replace(end, weights=padded(end.weights, s.hidden))
        for end, s in zip(ends, students, strict=True)
    ]
    bests = [attainable(Problem.of(teacher, s)) for s in small]
    minima = tuple(
        replace(best, dims=Problem.of(teacher, s).dims)
        for best, s in zip(bests, students, strict=True)
    )
    start = [
        padded(balanced_minimum_of(best, seed=number), s.hidden)
        for number, (best, s) in enumerate(zip(bests, students, strict=True))
    ]
    noisier = max(_heard(best) for best in bests)
    at = settled(teacher, students, whole, start, times=times, minima=minima)
    louder = float(np.sqrt(noisier / np.trace(teacher.cov_noise)))
    return Case(
        kernels_at(teacher, students, [end.weights for end in whole]),
        lambda small: at(small / louder),
    )


def _heard(best: Problem) -> float:
    """Power of the noise within the range of ``M``."""
    reached = best.embed_out @ np.linalg.pinv(best.embed_out)
    return float(np.trace(reached @ best.cov_noise @ reached))


@cache
def _end(teacher: Teacher, student: EDLN) -> FixedPoint:
    """Students and teachers are compared by identity, so that scenarios keep theirs."""
    return deficit_fixed_point(teacher, student)


@cache
def _narrowed(student: EDLN, rank: int | None) -> EDLN:
    if rank is None:
        return student
    hidden = tuple(min(rank, width) for width in student.hidden)
    return EDLN(hidden, student.embed_in, student.embed_out, student.view)


def padded(weights: list[Array], hidden: tuple[int, ...]) -> list[Array]:
    """The weights of the same network with dead neurons, up to the given hidden widths.

    Examples
    --------
    >>> [w.tolist() for w in padded([np.ones((1, 1)), np.ones((1, 1))], (2,))]
    [[[1.0], [0.0]], [[1.0, 0.0]]]
    """
    dims = (weights[0].shape[1], *hidden, weights[-1].shape[0])
    result = []
    for w, rows, columns in zip(weights, dims[1:], dims[:-1], strict=True):
        wide = np.zeros((rows, columns))
        wide[: w.shape[0], : w.shape[1]] = w
        result.append(wide)
    return result
