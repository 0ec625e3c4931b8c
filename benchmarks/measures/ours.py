"""Our measures as a peer of the benchmark: whole grids, scores of a pair, the machine's products.

Started by path, in a process of its own, as all peers are (`benchmarks.worker`). A step is a
whole grid; what is timed is what a user calls.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from methexis.measures import compare, compare_all
from methexis.measures.kernels.grids import operations
from methexis.version import __version__

#: What is measured, and how our own call says it.
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "cka": ("cka", {"null": "none"}),
    "debiased_cka": ("cka", {"debiased": True, "null": "none"}),
    "mutual_knn": ("mutual_knn", {"k": 10, "null": "none"}),
    # p-values of all pairs from closed moments; no search
    "calibrated": ("cka", {"null": "moments", "num_permutations": 0}),
}
#: Rows and columns of the products that show the machine's rate.
SQUARE = 2048


def start(threads: int) -> dict[str, str]:
    """Load everything that the first call would load."""
    del threads  # the process is limited already
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    for name, words in CALLS.values():
        compare_all([x], [x], name, **words)
    blas = {info.get("architecture", "") for info in threadpool_info()} - {""}
    return {"methexis": __version__, "numpy": np.__version__, "BLAS kernels": ", ".join(blas)}


class Grids:
    """A whole grid per step."""

    variant = "the whole grid"

    def __init__(self, case: dict[str, Any]) -> None:
        self.name, self.words = CALLS[case["measure"]]
        with np.load(case["file"]) as arrays:
            self.rows, self.columns = list(arrays["a"]), list(arrays["b"])
        n, d = self.rows[0].shape
        widths = [d] * len(self.rows), [d] * len(self.columns)
        self.details: dict[str, Any] = {
            "pairs": len(self.rows) * len(self.columns),
            "flops": 2 * min(operations(n, *widths)),
        }

    def run(self, num_steps: int) -> int:
        """Compute the grid so often."""
        for _ in range(num_steps):
            compare_all(self.rows, self.columns, self.name, **self.words)
        return num_steps


def prepare(case: dict[str, Any]) -> Grids:
    """Get ready for a grid."""
    return Grids(case)


def product_rate(seconds: float) -> float:
    """Operations per second of products of large single-precision matrices, the best of several."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((SQUARE, SQUARE), dtype=np.float32) for _ in range(2))
    best, until = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - began)
    return float(2 * SQUARE**3 / best)


def score(file: str, measure: str, options: dict[str, Any]) -> float:
    """Our number for a pair."""
    with np.load(file) as arrays:
        x, y = arrays["x"], arrays["y"]
    return float(compare(x, y, measure, null="none", num_bootstrap=0, **options).score)
