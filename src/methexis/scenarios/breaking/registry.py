"""All scenarios, in the order in which they are run and shown. Adding one is a file and a line."""

from __future__ import annotations

import difflib

from methexis.errors import MethexisError
from methexis.scenarios.breaking import (
    architecture,
    batch,
    heterogeneity,
    labels,
    nothing,
    saddles,
    sampling,
    slow_time,
    weight_decay,
)
from methexis.scenarios.breaking.scenario import Scenario

_MODULES = (
    nothing,
    sampling,
    weight_decay,
    labels,
    batch,
    slow_time,
    heterogeneity,
    saddles,
    architecture,
)

SCENARIOS: dict[str, Scenario] = {module.SCENARIO.name: module.SCENARIO for module in _MODULES}
ALL = "all"


def chosen(name: str) -> list[Scenario]:
    """The scenario of that name, or all of them.

    Raises
    ------
    MethexisError
        If there is none; with the nearest name.

    Examples
    --------
    >>> [scenario.name for scenario in chosen("sampling")]
    ['sampling']
    """
    if name == ALL:
        return list(SCENARIOS.values())
    if name in SCENARIOS:
        return [SCENARIOS[name]]
    names = [*SCENARIOS, ALL]
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.0)[0]
    raise MethexisError(
        f"scenario: expected one of {', '.join(names)}, got {name!r}; did you mean {near!r}?"
    )
