"""One representation with where it came from, and those of one model in the order of its layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.display import Displayed, Table
from methexis.measures.inputs.joining import SampleNames


@dataclass(frozen=True, eq=False)
class Stored:
    """An array as a file holds it.

    Attributes
    ----------
    name : str
        Name within the file; empty where the format has none.
    array : array
        Of any shape, mapped from the file where the format allows it.
    given : str
        Type of the numbers in the file.
    notes : tuple of str
        What was done on reading, and what may surprise.
    samples : SampleNames, optional
        By what its samples are known, where the file says.
    """

    name: str
    array: NDArray[Any]
    given: str
    notes: tuple[str, ...] = ()
    samples: SampleNames | None = None


@dataclass(frozen=True)
class Unread:
    """An array of a file that was not read, so that it does not spoil those beside it.

    Attributes
    ----------
    name : str
        Name within the file; empty where the format has none.
    why : str
        What was expected and what came, without the place.
    """

    name: str
    why: str


@dataclass(frozen=True, eq=False)
class Representation(Displayed):
    """Features of the samples, in one layer of one model.

    Attributes
    ----------
    name : str
        Of the layer; signs that are not printable are written as escapes.
    source : str
        File, and array within it, written likewise.
    array : array (num_samples, num_features)
    given : str
        Type of the numbers in the file.
    notes : tuple of str
        What was done to them on the way here.
    dissimilarities : bool
        Whether `array` holds dissimilarities of all pairs of samples in place of features.
    samples : SampleNames, optional
        By what its samples are known; rows are paired as they lie without.
    """

    name: str
    source: str
    array: NDArray[Any]
    given: str
    notes: tuple[str, ...] = ()
    dissimilarities: bool = False
    samples: SampleNames | None = field(default=None, repr=False)

    def taken(self, rows: NDArray[np.int64]) -> Representation:
        """The same of some samples, in an order, with a note that says how many."""
        note = f"{len(rows):,} of {self.shape[0]:,} samples, paired by what they are"
        array = np.asarray(self.array[rows])
        if self.dissimilarities:
            array = array[:, rows]
        samples = None if self.samples is None else self.samples.taken(rows)
        return replace(self, array=array, notes=(*self.notes, note), samples=samples)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of samples and of features."""
        rows, columns = self.array.shape
        return int(rows), int(columns)

    def described(self) -> dict[str, Any]:
        """All but the numbers, in plain types."""
        return {
            "name": self.name,
            "source": self.source,
            "shape": list(self.shape),
            "dtype": self.given,
            "notes": list(self.notes),
            "dissimilarities": self.dissimilarities,
        }

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"name": self.name, "shape": self.shape, "source": self.source}
        return told | {"given": self.given} | ({"notes": self.notes} if self.notes else {})


@dataclass(frozen=True, eq=False)
class Representations(Displayed):
    """The layers of one model, all of the same samples.

    Attributes
    ----------
    name : str
        Of the file or folder.
    path : str
    layers : tuple of Representation
        In natural order of their names, layer2 before layer10.
    left_out : tuple of str
        What lies at the path and is no representation, or could not be read, and why.
    about : dict
        Of a store that `probe` wrote: model with fingerprint, data, versions, and what was found.
    """

    name: str
    path: str
    layers: tuple[Representation, ...]
    left_out: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def samples(self) -> SampleNames | None:
        """By what the samples are known; None where files do not say."""
        return self.layers[0].samples if self.layers else None

    def taken(self, rows: NDArray[np.int64]) -> Representations:
        """The same of some samples, in an order."""
        return replace(self, layers=tuple(layer.taken(rows) for layer in self.layers))

    def __len__(self) -> int:
        """Number of layers of the model."""
        return len(self.layers)

    def __iter__(self) -> Iterator[Representation]:
        """The layers in their order."""
        return iter(self.layers)

    @property
    def num_samples(self) -> int:
        """Number of samples, the same in every layer."""
        return self.layers[0].shape[0]

    @property
    def names(self) -> list[str]:
        """Names of the layers."""
        return [layer.name for layer in self.layers]

    def described(self) -> dict[str, Any]:
        """All but the numbers, in plain types."""
        return {
            "name": self.name,
            "path": self.path,
            "num_samples": self.num_samples,
            "layers": [layer.described() for layer in self.layers],
            "left_out": list(self.left_out),
        } | ({"probe": self.about} if self.about else {})

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"name": self.name, "layers": len(self)}
        told |= {"num_samples": self.num_samples} if self.layers else {}
        return told | {"path": self.path} | ({"left_out": self.left_out} if self.left_out else {})

    def _table(self) -> Table:
        """The layers, with their sizes."""
        return ["layer", "features", "type"], ([r.name, r.shape[1], r.given] for r in self)
