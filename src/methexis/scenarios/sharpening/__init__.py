"""Progressive sharpening: curvature along SGD against its prediction, and the force behind it."""

from methexis.scenarios.framework.scenario import Effort
from methexis.scenarios.sharpening.case import Case
from methexis.scenarios.sharpening.job import run_case, run_sharpen
from methexis.scenarios.sharpening.registry import CASES, chosen_cases
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult

__all__ = [
    # what a case is, and all of them
    "CASES",
    "Case",
    "Effort",
    "chosen_cases",
    # measured
    "CaseResult",
    "SharpenResult",
    "run_case",
    "run_sharpen",
]
