"""The two students of most scenarios: depths 2 and 3, in random embeddings and views.

Their seeds follow from the problem's, so that a scenario states one seed per problem.
"""

from __future__ import annotations

from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher


def two_students(
    teacher: Teacher,
    *,
    seed: int,
    condition: float,
    hidden: tuple[tuple[int, ...], tuple[int, ...]] = ((2,), (3, 2)),
) -> tuple[EDLN, EDLN]:
    """Students in random embeddings and views of the given condition number.

    Parameters
    ----------
    seed : int
        Seed of the problem; that of student ``k`` is ``10 seed + k``, counted from 1.
    hidden : two tuples of int, optional
        Hidden widths; by default those that fit teachers of two labels.

    Examples
    --------
    >>> teacher = Teacher.random(2, 2, seed=4)
    >>> [student.hidden for student in two_students(teacher, seed=4, condition=1.7)]
    [(2,), (3, 2)]
    """
    first, second = (
        EDLN.random(teacher, widths, condition=condition, seed=10 * seed + number)
        for number, widths in enumerate(hidden, start=1)
    )
    return first, second
