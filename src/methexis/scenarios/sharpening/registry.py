"""All cases, in the order in which they are run and shown. Adding one is a file and a line."""

from __future__ import annotations

from methexis.scenarios.framework.registry import Registry
from methexis.scenarios.sharpening.case import Case
from methexis.scenarios.sharpening.cases import edge, noise_free, one_force, signs, views

CASES: Registry[Case] = Registry(
    "case", [one_force.CASE, *signs.CASES, views.CASE, *noise_free.CASES, *edge.CASES]
)
chosen_cases = CASES.chosen
