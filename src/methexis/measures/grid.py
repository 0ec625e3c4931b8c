"""What `compare_all` found: scores of all pairs, and how far from chance each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from methexis.core.checks import Array


@dataclass(frozen=True)
class Best:
    """The most aligned pair of a grid: ``p`` is corrected for the search."""

    layer_a: str
    layer_b: str
    score: float
    p: float


@dataclass(frozen=True, eq=False)
class Grid:
    """Scores of all pairs of two lists of representations, or of one list with itself.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``layer_a × layer_b``: ``score``; ``null_mean``, ``null_sd``, ``z``, ``p`` and
        ``effect`` as in `Comparison`; ``p_corrected``, corrected for the search over all cells;
        ``q``, the false discovery rate at which the cell is a finding. NaN where there is no null,
        and where a representation meets itself, which is no hypothesis. Coordinates name models and
        layers and give numbers of features, 0 of an RDM; attributes are all that was chosen.
    """

    data: xr.Dataset

    @property
    def scores(self) -> Array:
        """``(num_a, num_b)``."""
        return np.asarray(self.data["score"].values)

    def best(self) -> Best:
        """The most aligned pair of different representations: the largest `alignment`.

        Its p is valid although it was chosen: the correction holds for all pairs at once.
        """
        values = alignment(
            self.data["effect"].values, self.scores, distance=self.data.attrs["distance"]
        )
        if self.data.attrs["same"]:
            np.fill_diagonal(values, -np.inf)
        i, j = np.unravel_index(int(np.argmax(values)), values.shape)
        cell = self.data.isel(layer_a=int(i), layer_b=int(j))
        return Best(
            str(cell["layer_a"].item()),
            str(cell["layer_b"].item()),
            float(cell["score"]),
            float(cell["p_corrected"]),
        )

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        found: dict[str, Any] = self.data.to_dict()
        return found


def alignment(effect: Array, score: Array, *, distance: bool) -> Array:
    """How aligned each pair is, for "most aligned": its effect; where none is known, its score.

    Not the score, for chance levels differ between layers; and not ``z``, which says how sure an
    alignment is: by Procrustes or CCA a wide layer has a narrow null, and with it a larger z than a
    narrow layer that is aligned more.

    Parameters
    ----------
    effect, score : array (num_a, num_b)
    distance : bool
        Whether smaller scores are more aligned.

    Returns
    -------
    array (num_a, num_b)
        Larger is more aligned; -inf where nothing is known.

    Examples
    --------
    >>> alignment(np.array([[0.2, np.nan]]), np.array([[0.5, 0.9]]), distance=False).tolist()
    [[0.2, -inf]]
    """
    values = effect if np.isfinite(effect).any() else (-score if distance else score)
    return np.where(np.isnan(values), -np.inf, values)


def labelled(
    values: dict[str, Array],
    sides: tuple[Sequence[tuple[str, str, str, int]], Sequence[tuple[str, str, str, int]]],
    attributes: dict[str, Any],
) -> Grid:
    """A grid from its arrays and, per side, the label, model, layer and features of each."""
    coordinates: dict[str, Any] = {}
    for side, members in zip("ab", sides, strict=True):
        labels, models, layers, features = zip(*members, strict=True)
        dimension = f"layer_{side}"
        coordinates[dimension] = list(labels)
        coordinates[f"model_{side}"] = (dimension, list(models))
        coordinates[f"name_{side}"] = (dimension, list(layers))
        coordinates[f"d_{side}"] = (dimension, list(features))
    variables = {name: (("layer_a", "layer_b"), array) for name, array in values.items()}
    return Grid(xr.Dataset(variables, coordinates, attributes))
