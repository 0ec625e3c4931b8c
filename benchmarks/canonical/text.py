"""What the canonical gauge is good for, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

#: By name in the result: heading, and by how much a number is multiplied.
_TABLES = {
    "tuning": ("loss after tuning", 1.0),
    "rates": ("best rate (median)", 1.0),
    "rounding": ("accuracy in 4 bits, %", 100.0),
    "restored": ("accuracy in 4 bits of badly balanced ones, %", 100.0),
    "alignment": ("CKA of two models", 1.0),
    "merging": ("accuracy of the mean of two, %", 100.0),
    "rescued": ("accuracy of the mean with a tuned one, %", 100.0),
}


def tables(summary: Mapping[str, Any]) -> str:
    """A table for each use: rows are gauges, columns kinds of nets, mean and standard error."""
    parts = []
    for name, (title, scale) in _TABLES.items():
        use = summary[name]
        kinds = list(use)
        lines = [f"| {title} | {' | '.join(kinds)} |", "|---|" + "---|" * len(kinds)]
        for gauge in use[kinds[0]]:
            cells = [_cell(name, np.asarray(use[kind][gauge]) * scale) for kind in kinds]
            lines.append(f"| {gauge} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _cell(name: str, values: np.ndarray[Any, Any]) -> str:
    if name == "rates":
        return f"{np.median(values):g}"
    error = values.std(ddof=1) / np.sqrt(len(values))
    digits = 3 if values.max() <= 2 else 1
    return f"{values.mean():.{digits}f} ± {error:.{digits}f}"


def print_canonical(summary: Mapping[str, Any]) -> None:
    """Print the tables, with the accuracy of the models that they are about."""
    for kind, values in summary["trained"].items():
        print(f"{kind}: {len(values)} models, accuracy {100 * np.mean(values):.1f} %")
    print()
    print(tables(summary), end="")
