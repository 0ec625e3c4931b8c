"""All cases, in the order in which they are run and shown. Adding one is a file and a line."""

from __future__ import annotations

from methexis.scenarios.framework.names import entries
from methexis.scenarios.sharpening.case import Case
from methexis.scenarios.sharpening.cases import edge, noise_free, one_force, signs, views

CASES: dict[str, Case] = {
    case.name: case
    for case in (one_force.CASE, *signs.CASES, views.CASE, *noise_free.CASES, *edge.CASES)
}


def chosen_cases(name: str) -> list[Case]:
    """The case of that name, or all of them.

    Raises
    ------
    MethexisError
        If there is none; with the nearest name.

    Examples
    --------
    >>> [case.name for case in chosen_cases("edge")]
    ['edge']
    """
    return entries("case", name, CASES)
