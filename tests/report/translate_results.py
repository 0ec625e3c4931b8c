"""Results of `translate` on made-up representations."""

from __future__ import annotations

import numpy as np

from methexis.representations import Representation, Representations
from methexis.transport import TranslateResult, TranslateSettings, run_translate


def translated(kind: str = "related", samples: int = 80) -> TranslateResult:
    """Two models that see the same signals (of equal widths or not), or nothing in common."""
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(samples, 5))
    first = signal @ rng.normal(size=(5, 8)) + 0.3 * rng.normal(size=(samples, 8))
    width = 8 if kind == "of one width" else 6
    second = signal @ rng.normal(size=(5, width)) + 0.3 * rng.normal(size=(samples, width))
    if kind == "unrelated":
        second = rng.normal(size=second.shape)
    models = [
        Representations(name, name, (Representation("h", f"{name}/h.npy", rows, "float64"),))
        for name, rows in (("left", first), ("right", second))
    ]
    command = "methexis translate left right"
    return run_translate(models[0], models[1], TranslateSettings(), command=command)
