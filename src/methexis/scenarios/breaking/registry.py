"""All scenarios, in the order in which they are run and shown. Adding one is a file and a line."""

from __future__ import annotations

from methexis.scenarios.breaking.case import Case
from methexis.scenarios.breaking.dials import (
    adaptive,
    algorithms,
    architecture,
    batch,
    edge,
    heterogeneity,
    labels,
    nothing,
    residuals,
    saddles,
    sampling,
    slow_time,
    weight_decay,
)
from methexis.scenarios.framework.registry import Registry
from methexis.scenarios.framework.scenario import Scenario

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
    edge,
    residuals,
    adaptive,
    algorithms,
)

SCENARIOS: Registry[Scenario[Case]] = Registry("scenario", [module.SCENARIO for module in _MODULES])
chosen = SCENARIOS.chosen
