"""One measure over all pairs of layers: scores, chance levels, corrected significance."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import Comparison, Measure, compare
from methexis.representations import Representation
from methexis.scenarios.comparing.settings import CompareSettings


@dataclass(frozen=True, eq=False)
class Pairs:
    """What one measure says of all pairs of layers.

    Attributes
    ----------
    measure : Measure
    score, null_mean, null_sd, p, p_corrected, effect, z : arrays (layers of A, layers of B)
        As in `Comparison`. NaN where nothing was asked: of a layer beside itself there is a score,
        and no p.
    null : str
        "moments", "permutation" or "none".
    correction : str
        How p was corrected for the number of pairs, in words.
    notes : tuple of str
        What degenerates, once each.
    single : Comparison or None
        All of it, with its interval, where there is one pair only.
    """

    measure: Measure[Any]
    score: Array
    null_mean: Array
    null_sd: Array
    p: Array
    p_corrected: Array
    effect: Array
    z: Array
    null: str
    correction: str
    notes: tuple[str, ...]
    single: Comparison | None = None

    def better(self, itself: bool) -> list[int]:
        """For each layer of A the place of the layer of B most aligned with it."""
        score = np.where(np.isfinite(self.score), self.score, np.nan)
        sign = -1.0 if self.measure.distance else 1.0
        ranked = np.where(np.isnan(score), -np.inf, sign * score)
        if itself and ranked.shape[0] > 1:
            np.fill_diagonal(ranked, -np.inf)
        return [int(place) for place in np.argmax(ranked, axis=1)]

    def significant(self, alpha: float) -> NDArray[np.bool_]:
        """Which pairs are, after correction; none where p is unknown."""
        return np.asarray(self.p_corrected <= alpha)

    def weak(self, alpha: float) -> NDArray[np.bool_]:
        """Which pairs are not significant; none where p is unknown."""
        return np.asarray(self.p_corrected > alpha)


def measure_pairs(
    measure: Measure[Any],
    first: Sequence[Representation],
    second: Sequence[Representation] | None,
    settings: CompareSettings,
    show: Callable[[int, int], None],
) -> Pairs:
    """Compare every layer of one model with every layer of another, or of the same.

    Raises
    ------
    MethexisError
        If a layer is refused; the message names its file.
    """
    others = first if second is None else second
    shape = (len(first), len(others))
    single = shape == (1, 1)
    fields = ("score", "null_mean", "null_sd", "p", "effect", "z")
    grids = {name: np.full(shape, np.nan) for name in fields}
    notes: list[str] = []
    null, found = "none", None
    for i, one in enumerate(first):
        for j, other in enumerate(others):
            itself = second is None and i == j
            found = _compared(measure, one, other, settings, single=single, itself=itself)
            for name in fields:
                grids[name][i, j] = getattr(found, name)
            notes += [note for note in found.notes if note not in notes]
            null = found.null if found.null != "none" else null
            show(i * shape[1] + j + 1, shape[0] * shape[1])
    corrected, words = _corrected(grids["p"])
    return Pairs(
        measure=measure,
        **grids,
        p_corrected=corrected,
        null=null,
        correction=words,
        notes=tuple(notes),
        single=found if single else None,
    )


def _compared(
    measure: Measure[Any],
    one: Representation,
    other: Representation,
    settings: CompareSettings,
    *,
    single: bool,
    itself: bool,
) -> Comparison:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # they are in the notes
        try:
            return compare(
                one.array,
                other.array,
                measure,
                preprocessing=settings.preprocessing,
                null="none" if itself else settings.null,
                num_permutations=settings.num_permutations,
                num_bootstrap=settings.num_bootstrap if single else 0,
                seed=settings.seed,
            )
        except MethexisError as error:
            raise MethexisError(f"{one.source} and {other.source}: {error}") from None


def _corrected(p: Array) -> tuple[Array, str]:
    """Benjamini and Hochberg's correction over all pairs with a p-value."""
    corrected = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    if known.sum() == 1:
        return p.copy(), "one pair: no correction"
    if known.any():
        corrected[known] = stats.false_discovery_control(p[known], method="bh")
    return corrected, "Benjamini–Hochberg over all pairs"
