"""What breaks perfect alignment, and what does not: dials, predicted and measured."""

from methexis.scenarios.breaking.case import Case
from methexis.scenarios.breaking.job import run_break, run_scenario
from methexis.scenarios.breaking.registry import SCENARIOS, chosen
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.runner import Step
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario

__all__ = [
    # what a scenario is
    "Case",
    "Curve",
    "Dial",
    "Effort",
    "Scenario",
    # all of them
    "SCENARIOS",
    "chosen",
    # measured
    "BreakResult",
    "ScenarioResult",
    "Step",
    "run_break",
    "run_scenario",
]
