"""Whole jobs: an experiment, its prediction and the verdict. Loaded when first used."""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "breaking": ["SCENARIOS", "BreakResult", "ScenarioResult", "chosen", "run_break"],
        "comparing": [
            "CompareResult",
            "CompareSettings",
            "DEFAULT_MEASURES",
            "listed_measures",
            "measures_named",
            "run_compare",
        ],
        "irreversibility": [
            "REVERSALS",
            "ReverseResult",
            "ReverseScenarioResult",
            "chosen_reversals",
            "run_reverse",
        ],
        "sharpening": ["CASES", "CaseResult", "SharpenResult", "chosen_cases", "run_sharpen"],
        "subjects": ["SubjectsResult", "SubjectsSettings", "run_subjects"],
        "verify": ["VerifyResult", "VerifySettings", "run_verify"],
    },
)
