"""Irreversibility: steps there and back on the same samples, and what does not return."""

from methexis.scenarios.framework.scenario import Curve, Effort
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.irreversibility.job import run_reversal, run_reverse
from methexis.scenarios.irreversibility.registry import REVERSALS, chosen_reversals
from methexis.scenarios.irreversibility.result import ReverseResult, ReverseScenarioResult

__all__ = [
    # what a scenario is
    "Curve",
    "Effort",
    "Scenario",
    # all of them
    "REVERSALS",
    "chosen_reversals",
    # measured
    "ReverseResult",
    "ReverseScenarioResult",
    "run_reversal",
    "run_reverse",
]
