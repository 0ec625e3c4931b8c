"""Results of `explain` on made-up representations."""

from __future__ import annotations

from methexis.explaining import ExplainResult, ExplainSettings, run_explain
from tests.report.compare_results import model


def explained(rows: int, columns: int | None, samples: int = 120) -> ExplainResult:
    """Layers that look at the same signals ever more obliquely, explained by each other."""
    first = model("left", rows, seed=1, samples=samples)
    second = None if columns is None else model("right", columns, seed=2, samples=samples)
    return run_explain(first, second, ExplainSettings(), command="methexis explain left right")
