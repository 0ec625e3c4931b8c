"""What `compare_all` found: scores of all pairs, and how far from chance each is.

A grid is the same whether it was had from whole arrays or in one pass; and a single pair is one of
a row and a column, beside its `Comparison`, where a report treats all alike.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import lazy_loader
import numpy as np
from numpy.typing import NDArray

from methexis import plots
from methexis.core.checks import Array, number
from methexis.display import Displayed, Table
from methexis.measures.inference import drawing
from methexis.measures.inference.comparison import Comparison
from methexis.measures.inference.printing import probability, rounded
from methexis.measures.inputs.naming import Named
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen
from methexis.measures.rounding import OTHER_WAY

if TYPE_CHECKING:
    import xarray as xr
else:
    xr = lazy_loader.load("xarray")  # takes longer than comparing one pair

#: At which level pairs are counted where a grid is printed.
_LEVEL = 0.05
#: Attributes that have parts, and those that are true or false: netCDF has neither.
_PARTS, _FLAGS = ("options", "preprocessing", "given", "notes"), ("distance", "same", "one_pass")
#: What is known of every pair; and what a pair's `Comparison` knows of these.
VARIABLES = ("score", "null_mean", "null_sd", "p", "p_corrected", "effect", "z")


@dataclass(frozen=True)
class Best(Displayed):
    """The most aligned pair of a grid: ``p`` is corrected for the search."""

    layer_a: str
    layer_b: str
    score: float
    p: float


class _Variable:
    """A variable of a grid's data, by the name of the attribute."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type[Grid], name: str) -> None:
        self.name = name

    def __get__(self, grid: Grid | None, owner: type[Grid]) -> Array:
        if grid is None:
            return self  # type: ignore[return-value]  # asked of the class: for its docstring
        return np.asarray(grid.data[self.name].values)


@dataclass(frozen=True, eq=False)
class Grid(Displayed):
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
    single : Comparison or None
        All of it, with its interval, where one pair was compared alone.
    curve : NeighbourCurve or None
        How the score of such a pair depends on n and k (`Measure.curve`).
    scales : NeighbourScales or None
        At which scales such a pair shares neighbourhoods (`Measure.scales`).
    """

    data: xr.Dataset
    single: Comparison | None = None
    curve: Any = None
    scales: Any = None

    @property
    def measure(self) -> Measure[Any]:
        """The measure, with its options."""
        about = self.data.attrs
        return chosen(str(about["measure"]), json.loads(about["options"]))

    score = _Variable("Scores, ``(num_a, num_b)``, as all of these.")
    null_mean = _Variable("Chance levels.")
    null_sd = _Variable("Standard deviations over orders of the rows.")
    p = _Variable("Of each pair alone.")
    p_corrected = _Variable("Corrected for the number of pairs.")
    effect = _Variable("0 at chance, 1 for two identical representations.")
    z = _Variable("Deviations above chance.")

    @property
    def null(self) -> str:
        """Where nulls are from: "moments", "permutation" or "none"."""
        return str(self.data.attrs["null"])

    @property
    def precision(self) -> str:
        """The precision of the computation: "float64" or "float32"."""
        return str(self.data.attrs["precision"])

    @property
    def one_pass(self) -> bool:
        """Whether rows were read once; then p is a bound, and there is no interval."""
        return bool(self.data.attrs.get("one_pass", 0))

    @property
    def correction(self) -> str:
        """How p was corrected for the number of pairs, in words."""
        about = self.data.attrs
        if self.single is not None and not (self.one_pass and self.null == "none"):
            return "one pair: no correction"
        if about["correction"] == "max":
            count = about["num_permutations"]
            return f"corrected for the search by the largest of all pairs in {count} permutations"
        return "corrected by Holm's method" if about["correction"] == "holm" else "not corrected"

    def better(self) -> list[int]:
        """The place of the column most aligned with each row, by `alignment`."""
        return [int(place) for place in np.argmax(self._ranked(), axis=1)]

    def counted(self) -> NDArray[np.bool_]:
        """Pairs with a p-value, each once: of a model beside itself those above the diagonal."""
        known = np.isfinite(self.p_corrected)
        return np.triu(known) if self.data.attrs["same"] and self.measure.symmetric else known

    def significant(self, alpha: float) -> NDArray[np.bool_]:
        """Which pairs are significant after correction; none where p is unknown.

        Raises
        ------
        MethexisError
            If ``alpha`` is no number from 0.
        """
        return np.asarray(self.p_corrected <= number("alpha", alpha, least=0.0))

    def weak(self, alpha: float) -> NDArray[np.bool_]:
        """Which pairs are not significant; none where p is unknown.

        Raises
        ------
        MethexisError
            If ``alpha`` is no number from 0.
        """
        return np.asarray(self.p_corrected > number("alpha", alpha, least=0.0))

    @property
    def notes(self) -> tuple[str, ...]:
        """The texts of the warnings that tell what degenerates here."""
        return tuple(json.loads(self.data.attrs["notes"]))

    @property
    def scores(self) -> Array:
        """The scores of all pairs, ``(num_a, num_b)``."""
        return self.score

    def best(self) -> Best:
        """The most aligned pair of different representations: the largest `alignment`.

        The pair's p is valid although it was chosen: the correction holds for all pairs at once.
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
        values = alignment(self.effect, self.score, distance=bool(self.data.attrs["distance"]))
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
        """The whole grid in plain types, for JSON."""
        content: dict[str, Any] = self.data.to_dict()
        about = content["attrs"]
        about |= {name: json.loads(about[name]) for name in _PARTS}
        about |= {name: bool(about.get(name, 0)) for name in _FLAGS}
        return content

    def plot(self, ax: plots.Axes | None = None, *, alpha: float = _LEVEL) -> plots.Axes:
        """Draw all pairs as shades; of one layer with many, their scores along these.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; on a new figure by default.
        alpha : float
            Pairs that are not significant at this level, after correction, are struck out.

        Raises
        ------
        MethexisError
            If ``ax`` are no axes, ``alpha`` is no number from 0, or no pair has a score.
        """
        return plots.onto(ax, self._picture(alpha))

    def _picture(self, alpha: float = _LEVEL) -> plots.HeatMap | plots.Panel:
        sides = [[str(name) for name in self.data[f"layer_{side}"].values] for side in "ab"]
        models = [[str(name) for name in self.data[f"model_{side}"].values] for side in "ab"]
        same = bool(self.data.attrs["same"])
        pairs = drawing.Pairs(
            self.measure,
            self.score,
            self.null_mean,
            self.null_sd,
            self.weak(alpha),
            names=(sides[0], sides[1]),
            titles=drawing.titles(models, same=same),
            same=same,
        )
        return drawing.grid(pairs)

    def to_dataframe(self) -> Any:
        """All pairs as a `pandas.DataFrame`: a row for each, with names, sizes and numbers."""
        return self.data.to_dataframe().reset_index()

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"measure": str(self.data.attrs["title"])}
        told |= {"layers": self.score.shape, "n": int(self.data.attrs["n"]), "null": self.null}
        values = self._ranked()
        if np.isfinite(values).any():
            cell = self.data.isel(self._place(values))
            names = f"{cell['layer_a'].item()} and {cell['layer_b'].item()}"
            told |= {"best": names, "score": float(cell["score"])}
        told["correction"] = self.correction
        return told | ({"notes": self.notes} if self.notes else {})

    def _table(self) -> Table:
        """Table of the scores, with a row for each layer of the first model."""
        head = ["score", *map(str, self.data["layer_b"].values)]
        names = map(str, self.data["layer_a"].values)
        return head, ([name, *row] for name, row in zip(names, self.score, strict=True))


def alignment(effect: Array, score: Array, *, distance: bool) -> Array:
    """How aligned each pair is, for "most aligned": its effect; where none is known, its score.

    The score will not do, because chance levels differ between layers, nor ``z``, which says how
    sure an alignment is: by Procrustes or CCA a wide layer has a narrow null, and with it a larger
    z than a narrow layer that is aligned more.

    Larger is more aligned, whether the measure is a distance or not; -inf where nothing is known.

    Examples
    --------
    >>> alignment(np.array([[0.2, np.nan]]), np.array([[0.5, 0.9]]), distance=False).tolist()
    [[0.2, -inf]]
    """
    values = effect if np.isfinite(effect).any() else (-score if distance else score)
    return np.where(np.isnan(values), -np.inf, values)


def labelled(
    measure: Measure[Any],
    values: dict[str, Array],
    sides: Sequence[tuple[Sequence[Named], Sequence[int]]],
    attributes: dict[str, Any],
) -> Grid:
    """A grid from its arrays and, per side, names and numbers of features."""
    about: dict[str, Any] = {
        "measure": measure.name,
        "title": measure.title,
        "options": measure.options(),
        "distance": measure.distance,
        **attributes,
    }
    coordinates: dict[str, Any] = {}
    for side, (members, features) in zip("ab", sides, strict=True):
        dimension = f"layer_{side}"
        coordinates[dimension] = [one.label for one in members]
        coordinates[f"model_{side}"] = (dimension, [one.model for one in members])
        coordinates[f"name_{side}"] = (dimension, [one.layer for one in members])
        coordinates[f"d_{side}"] = (dimension, list(features))
    plain: dict[str, Any] = {name: json.dumps(about[name]) for name in _PARTS}
    plain |= {name: int(about[name]) for name in _FLAGS}
    variables = {name: (("layer_a", "layer_b"), array) for name, array in values.items()}
    return Grid(xr.Dataset(variables, coordinates, about | plain))


def renoted(grid: Grid, notes: Sequence[str]) -> Grid:
    """A grid with other notes."""
    return replace(grid, data=grid.data.assign_attrs(notes=json.dumps(list(notes))))


def of_pair(comparison: Comparison, measure: Measure[Any], names: tuple[str, str]) -> Grid:
    """The comparison of one pair as a grid."""
    values: dict[str, Array] = {
        name: np.array([[getattr(comparison, name, comparison.p)]])  # p_corrected is p
        for name in VARIABLES
    }
    sides = [
        ([Named("", name, None)], [d or 0]) for name, d in zip(names, comparison.d, strict=True)
    ]
    about = {
        "same": False,
        "n": comparison.n,
        "preprocessing": comparison.preprocessing,
        "precision": comparison.preprocessing["precision"],
        "given": sorted(set(comparison.preprocessing["given"])),
        "null": comparison.null,
        "correction": "none",
        "num_permutations": comparison.num_permutations,
        "seed": comparison.seed,
        "notes": list(comparison.notes),
        "one_pass": comparison.one_pass,
    }
    return replace(labelled(measure, values, sides, about), single=comparison)
