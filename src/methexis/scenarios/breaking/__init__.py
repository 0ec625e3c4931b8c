"""What breaks perfect alignment, and what does not: dials, predicted and measured."""

from methexis.scenarios.breaking.job import Step, run_break, run_scenario
from methexis.scenarios.breaking.registry import SCENARIOS, chosen
from methexis.scenarios.breaking.result import BreakResult, ScenarioResult
from methexis.scenarios.breaking.scenario import Case, Curve, Effort, Scenario
from methexis.scenarios.framework.dial import Dial

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
