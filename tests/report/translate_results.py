"""Results of `translate` on made-up representations."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from methexis.core.linalg import random_orthogonal
from methexis.representations import Representation, Representations
from methexis.transport import TranslateResult, TranslateSettings, run_translate
from methexis.transport.job_unpaired import (
    UnpairedResult,
    UnpairedSettings,
    run_translate_unpaired,
)


def translated(kind: str = "related", samples: int = 80) -> TranslateResult:
    """Two models that see the same signals (of equal widths or not), or nothing in common."""
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(samples, 5))
    first = signal @ rng.normal(size=(5, 8)) + 0.3 * rng.normal(size=(samples, 8))
    width = 8 if kind == "of one width" else 6
    second = signal @ rng.normal(size=(5, width)) + 0.3 * rng.normal(size=(samples, width))
    if kind == "unrelated":
        second = rng.normal(size=second.shape)
    command = "methexis translate left right"
    return run_translate(*models(first, second), TranslateSettings(), command=command)


@cache
def translated_unpaired(kind: str = "the same") -> UnpairedResult:
    """Two models that see the same samples in other orders and coordinates, or nothing alike."""
    rng = np.random.default_rng(3)
    first = clustered(400, 40)
    second = (first @ random_orthogonal(40, rng))[rng.permutation(400)]
    if kind == "nothing alike":
        second = rng.exponential(size=(300, 36))
    settings = UnpairedSettings(shared=kind == "the same")
    command = "methexis translate left right --unpaired"
    return run_translate_unpaired(*models(first, second), settings, command=command)


def clustered(count: int, width: int) -> NDArray[np.float64]:
    """Rows of clusters of unequal sizes, whose directions have unequal variances."""
    rng = np.random.default_rng(4)
    spread = np.arange(1, width + 1) ** -0.5
    which = rng.choice(12, size=count, p=rng.dirichlet(np.ones(12)))
    centres = rng.normal(size=(12, width)) * spread
    return np.asarray(centres[which] + 0.5 * rng.normal(size=(count, width)) * spread)


def models(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[Representations, Representations]:
    """Two models with a layer each."""
    left, right = (
        Representations(name, name, (Representation("h", f"{name}/h.npy", rows, "float64"),))
        for name, rows in (("left", first), ("right", second))
    )
    return left, right
