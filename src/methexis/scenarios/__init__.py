"""Whole jobs: an experiment, its prediction and the verdict. Loaded when first used."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "breaking": ["SCENARIOS", "BreakResult", "ScenarioResult", "chosen", "run_break"],
        "irreversibility": [
            "REVERSALS",
            "ReverseResult",
            "ReverseScenarioResult",
            "chosen_reversals",
            "run_reverse",
        ],
        "sharpening": ["CASES", "CaseResult", "SharpenResult", "chosen_cases", "run_sharpen"],
        "verify": ["VerifyResult", "VerifySettings", "run_verify"],
    },
)
