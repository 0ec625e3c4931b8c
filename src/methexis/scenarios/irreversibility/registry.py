"""All scenarios of irreversibility, by name."""

from __future__ import annotations

from methexis.scenarios.framework.names import entries
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.irreversibility.dials import batch, order, steps

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
