"""Benchmarks: the engines against their peers and against the machine. Loaded when first used."""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "job": ["BenchSettings", "run_bench"],
        "result": ["BenchResult"],
        "truth": ["Truth", "run_truth"],
        "measures.job": ["MeasuresResult", "MeasuresSettings", "run_measures"],
    },
)
