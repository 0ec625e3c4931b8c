"""All scenarios of irreversibility, in the order in which they are run and shown."""

from __future__ import annotations

from methexis.scenarios.framework.registry import Registry
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.irreversibility.dials import batch, order, steps

REVERSALS: Registry[Scenario] = Registry(
    "scenario", [module.SCENARIO for module in (steps, batch, order)]
)
chosen_reversals = REVERSALS.chosen
