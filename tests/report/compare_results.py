"""Results of `compare` on made-up representations: structure in some layers, noise in others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from methexis.measures import Measure
from methexis.representations import Representation, Representations
from methexis.scenarios.comparing import CompareResult, CompareSettings, run_compare
from methexis.scenarios.comparing.wanted import measures_named


def model(
    name: str,
    layers: int,
    *,
    seed: int = 0,
    noise: int = 0,
    samples: int = 60,
    pattern: str = "block{}",
) -> Representations:
    """Layers that look at the same signals ever more obliquely; the last ``noise`` see nothing."""
    shared = np.random.default_rng(99).normal(size=(samples, 6))
    rng = np.random.default_rng(seed)
    found = []
    for k in range(layers):
        kept = 0.0 if k >= layers - noise else 1.0
        array = kept * np.tanh(shared @ rng.normal(size=(6, 8))) + 0.3 * rng.normal(
            size=(samples, 8)
        )
        label = pattern.format(k)
        found.append(Representation(label, f"{name}/{label}.npy", array, "float64"))
    return Representations(name, name, tuple(found))


def compared(
    rows: int,
    columns: int | None,
    names: Sequence[str] = ("cka:debiased=true", "rv"),
    *,
    noise: int = 0,
    samples: int = 60,
    pattern: str = "block{}",
    **options: Any,
) -> CompareResult:
    measures: list[Measure[object]] = measures_named(names)
    settings = CompareSettings(tuple(measures), **{"num_bootstrap": 50, **options})
    second = None
    if columns is not None:
        second = model("right", columns, seed=2, noise=noise, samples=samples, pattern=pattern)
    own = noise if columns is None else 0
    first = model("left", rows, seed=1, noise=own, samples=samples, pattern=pattern)
    return run_compare(first, second, settings, command="methexis compare left right")
