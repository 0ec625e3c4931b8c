"""All scenarios of irreversibility, by name."""

from __future__ import annotations

from methexis.scenarios.irreversibility import batch, order, steps
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.names import entries

REVERSALS: dict[str, Scenario] = {
    module.SCENARIO.name: module.SCENARIO for module in (steps, batch, order)
}


def chosen_reversals(name: str) -> list[Scenario]:
    """The scenario of that name, or all of them.

    Raises
    ------
    MethexisError
        If there is none; with the nearest name.

    Examples
    --------
    >>> [scenario.name for scenario in chosen_reversals("batch")]
    ['batch']
    """
    return entries("scenario", name, REVERSALS)
