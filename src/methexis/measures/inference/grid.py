"""What `compare_all` found: scores of all pairs, and how far from chance each is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from methexis.core.checks import Array
from methexis.measures.inference.printing import probability, rounded
from methexis.measures.rounding import OTHER_WAY

#: At which level pairs are counted where a grid is printed.
_LEVEL = 0.05
#: Attributes that have parts, and those that are true or false: netCDF has neither.
_PARTS, _FLAGS = ("options", "preprocessing", "given", "notes"), ("distance", "same")


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
        and where a representation meets itself, which is no hypothesis. Where ``p`` comes from
        moments it is the tail of a fitted law, and so is what corrects it by Holm's method: below
        about ``1e-4`` its size carries no information, 0 included; report "< 1e-4". Coordinates
        name models and layers and give numbers of features, 0 of an RDM; attributes are all that
        was chosen, as files can hold it: what has parts as JSON, True as 1. `as_dict` has it as it
        was.
    """

    data: xr.Dataset

    @property
    def notes(self) -> tuple[str, ...]:
        """What degenerates here; the texts of the warnings."""
        return tuple(json.loads(self.data.attrs["notes"]))

    @property
    def scores(self) -> Array:
        """``(num_a, num_b)``."""
        return np.asarray(self.data["score"].values)

    def best(self) -> Best:
        """The most aligned pair of different representations: the largest `alignment`.

        Its p is valid although it was chosen: the correction holds for all pairs at once.
        """
        cell = self.data.isel(self._place(self._ranked()))
        return Best(
            str(cell["layer_a"].item()),
            str(cell["layer_b"].item()),
            float(cell["score"]),
            float(cell["p_corrected"]),
        )

    def _ranked(self) -> Array:
        """The `alignment` of each pair, -inf where a representation meets itself."""
        values = alignment(
            self.data["effect"].values, self.scores, distance=bool(self.data.attrs["distance"])
        )
        if self.data.attrs["same"]:
            np.fill_diagonal(values, -np.inf)
        return values

    def _place(self, values: Array) -> dict[str, int]:
        i, j = np.unravel_index(int(np.argmax(values)), values.shape)
        return {"layer_a": int(i), "layer_b": int(j)}

    def __str__(self) -> str:
        """Two lines at most: what was compared, the most aligned pair, how many are significant."""
        about, shape = self.data.attrs, self.scores.shape
        first = f"{about['title']}, n {about['n']}, {shape[0]} × {shape[1]} layers"
        values = self._ranked()
        if not np.isfinite(values).any():
            return first
        cell = self.data.isel(self._place(values))
        parts = [f"{cell['layer_a'].item()} and {cell['layer_b'].item()}"]
        parts.append(f"score {rounded(float(cell['score']))}")
        if np.isfinite(cell["effect"]):
            parts.append(f"effect {rounded(float(cell['effect']))}")
        if np.isfinite(cell["p_corrected"]):
            parts.append(probability("corrected p", float(cell["p_corrected"])))
        p = self.data["p_corrected"].values
        if np.isfinite(p).any():
            # Of layers beside themselves each pair stands there twice, unless its sides differ.
            if about["same"] and np.allclose(
                self.scores, self.scores.T, rtol=OTHER_WAY, equal_nan=True
            ):
                p = p[np.triu_indices_from(p, 1)]
            first += (
                f": {np.count_nonzero(p <= _LEVEL)} of {np.count_nonzero(np.isfinite(p))} pairs "
                f"significant (corrected p <= {_LEVEL})"
            )
        return f"{first}\nmost aligned: {', '.join(parts)}"

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        found: dict[str, Any] = self.data.to_dict()
        about = found["attrs"]
        about |= {name: json.loads(about[name]) for name in _PARTS}
        about |= {name: bool(about[name]) for name in _FLAGS}
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
    plain: dict[str, Any] = {name: json.dumps(attributes[name]) for name in _PARTS}
    plain |= {name: int(attributes[name]) for name in _FLAGS}
    variables = {name: (("layer_a", "layer_b"), array) for name, array in values.items()}
    return Grid(xr.Dataset(variables, coordinates, attributes | plain))
