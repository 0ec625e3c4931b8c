"""Reports: text for the terminal, one self-contained page per result, every figure as PDF."""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "bench": ["print_bench"],
        "bench_measures": ["print_measures_bench"],
        "breaking": ["print_break", "print_scenario", "write_break_report"],
        "comparing": ["write_compare_report"],
        "reversal": ["print_reversal", "print_reverse", "write_reverse_report"],
        "run": ["write_report"],
        "sharpening": ["print_case", "print_sharpen", "write_sharpen_report"],
        "sides": ["print_compare"],
        "terminal": ["print_verify"],
        "truth": ["print_truth"],
        "verify": ["write_verify_report"],
    },
)
