"""One measure over all pairs of layers: scores, chance levels, corrected significance."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import Comparison, Measure, NeighbourCurve, compare, compare_all
from methexis.measures.inference.grid import alignment
from methexis.measures.inputs.naming import unwrapped
from methexis.measures.inputs.rdm import RDM
from methexis.representations import Representation
from methexis.scenarios.comparing.curves import curve_of
from methexis.scenarios.comparing.plan import ORDERS
from methexis.scenarios.comparing.settings import CompareSettings

#: What is known of every pair.
GRIDS = ("score", "null_mean", "null_sd", "p", "p_corrected", "effect", "z")


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
    precision : str
        Of the computation.
    single : Comparison or None
        All of it, with its interval, where there is one pair only.
    one_pass : bool
        Whether it comes from one pass over the rows; then p is a bound, and there is no interval.
    curve : NeighbourCurve or None
        How the mutual kNN of a single pair depends on the numbers of samples and of neighbours.
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
    precision: str
    single: Comparison | None = None
    one_pass: bool = False
    curve: NeighbourCurve | None = None

    def better(self, itself: bool) -> list[int]:
        """For each layer of A the place of the layer of B most aligned with it.

        That is the largest effect; where effects are unknown, the best score (`alignment`).
        """
        ranked = alignment(self.effect, self.score, distance=self.measure.distance)
        if itself and ranked.shape[0] > 1:
            np.fill_diagonal(ranked, -np.inf)
        return [int(place) for place in np.argmax(ranked, axis=1)]

    def counted(self, itself: bool) -> NDArray[np.bool_]:
        """Pairs with a p-value, each once: of a model beside itself those above the diagonal."""
        known = np.isfinite(self.p_corrected)
        return np.triu(known) if itself and self.measure.symmetric else known

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
    show: Callable[[str, int, int], None],
) -> Pairs:
    """Compare every layer of one model with every layer of another, or of the same.

    Raises
    ------
    MethexisError
        If a layer is refused; the message names its file.
    """
    if second is not None and len(first) == len(second) == 1:
        return _one(measure, first[0], second[0], settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # they are in the notes
        found = compare_all(
            _by_name(first),
            None if second is None else _by_name(second),
            measure,
            preprocessing=settings.preprocessing,
            null=settings.null,
            correction=settings.correction,
            num_permutations=settings.num_permutations,
            seed=settings.seed,
            memory=settings.memory,
            progress=show,
        )
    grid = found.data
    grids: dict[str, Any] = {name: np.asarray(grid[name].values) for name in GRIDS}
    return Pairs(
        measure=measure,
        **grids,
        null=str(grid.attrs["null"]),
        correction=_words(grid.attrs),
        notes=found.notes,
        precision=str(grid.attrs["precision"]),
    )


def _one(
    measure: Measure[Any], one: Representation, other: Representation, settings: CompareSettings
) -> Pairs:
    """A single pair, with its interval; there is no search to correct for."""
    count = settings.num_permutations
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        try:
            found = compare(
                _value(one),
                _value(other),
                measure,
                preprocessing=settings.preprocessing,
                null=settings.null,
                num_permutations=ORDERS if count is None else count,
                num_bootstrap=settings.num_bootstrap,
                seed=settings.seed,
            )
        except MethexisError as error:
            raise MethexisError(by_source(str(error), one, other)) from None
    own: dict[str, Any] = {name: np.array([[getattr(found, name, found.p)]]) for name in GRIDS}
    return Pairs(
        measure=measure,
        **own,  # p_corrected is p
        null=found.null,
        correction="one pair: no correction",
        notes=tuple(by_source(note, one, other) for note in found.notes),
        precision="float64",
        single=found,
        curve=curve_of(measure, one, other, settings),
    )


def _value(layer: Representation) -> Any:
    """What is compared: features, or an RDM in their place."""
    return RDM(layer.array, name=layer.source) if layer.dissimilarities else unwrapped(layer)


def by_source(text: str, one: Representation, other: Representation) -> str:
    """A message about X and Y, with the names of their files."""
    names = {"X": one.source, "Y": other.source}
    return re.sub(r"\b[XY]\b", lambda found: names[found[0]], text)


def _by_name(layers: Sequence[Representation]) -> dict[str, Any]:
    """What is compared by its file, by which messages call it."""
    sources = [layer.source for layer in layers]
    return {
        layer.source
        if sources.count(layer.source) == 1
        else f"{layer.source} ({layer.name})": _value(layer)
        for layer in layers
    }


def _words(attributes: dict[Any, Any]) -> str:
    """How p was corrected."""
    how, count = attributes["correction"], attributes["num_permutations"]
    if how == "max":
        return f"corrected for the search by the largest of all pairs in {count} permutations"
    return "corrected by Holm's method" if how == "holm" else "not corrected"
