"""Comparing the representations of two models, or of one with itself, from files to a result."""

from methexis.scenarios.comparing.job import run_compare
from methexis.scenarios.comparing.result import CompareResult
from methexis.scenarios.comparing.settings import CompareSettings, Step
from methexis.scenarios.comparing.wanted import DEFAULT_MEASURES, listed_measures, measures_named

__all__ = [
    "DEFAULT_MEASURES",
    "CompareResult",
    "CompareSettings",
    "Step",
    "listed_measures",
    "measures_named",
    "run_compare",
]
