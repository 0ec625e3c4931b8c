"""One representation with where it came from, and those of one model in the order of its layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis.display import Displayed, Table
from methexis.errors import MethexisError
from methexis.measures.inputs.joining import SampleNames
from methexis.representations.deferred import Deferred


@dataclass(frozen=True, eq=False)
class Stored:
    """An array as a file holds it.

    Attributes
    ----------
    name : str
        Name within the file; empty where the format has none.
    array : array or Deferred
        Of any shape, mapped from the file where the format allows it, else read when asked for.
    given : str
        Type of the numbers in the file.
    notes : tuple of str
        What was done on reading, and what may surprise.
    samples : SampleNames, optional
        By what its samples are known, where the file says.
    """

    name: str
    array: NDArray[Any] | Deferred
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
    held : array or Deferred (num_samples, num_features)
        The numbers, or what reads them from the file; `array` has them in any case.
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
    held: NDArray[Any] | Deferred
    given: str
    notes: tuple[str, ...] = ()
    dissimilarities: bool = False
    samples: SampleNames | None = field(default=None, repr=False)

    @property
    def array(self) -> NDArray[Any]:
        """The features, ``(num_samples, num_features)``; read from the file when first asked for.

        Raises
        ------
        MethexisError
            If the file turns out to be damaged there.
        """
        return self.held.numbers if isinstance(self.held, Deferred) else self.held

    def taken(
        self, rows: NDArray[np.int64], why: str = "paired by what they are"
    ) -> Representation:
        """The same of some samples, in an order, with a note that says how many and why."""
        note = f"{len(rows):,} of {self.shape[0]:,} samples, {why}"

        def some(array: NDArray[Any]) -> NDArray[Any]:
            part = np.asarray(array[rows])
            return part[:, rows] if self.dissimilarities else part

        shape = (len(rows), len(rows) if self.dissimilarities else self.shape[1])
        held = self.held
        part = held.then(shape, held.dtype, some) if isinstance(held, Deferred) else some(held)
        samples = None if self.samples is None else self.samples.taken(rows)
        return replace(self, held=part, notes=(*self.notes, note), samples=samples)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of samples and of features."""
        rows, columns = self.held.shape
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

    def taken(
        self, rows: NDArray[np.int64], why: str = "paired by what they are"
    ) -> Representations:
        """The same of some samples, in an order; notes of the layers say why."""
        return replace(self, layers=tuple(layer.taken(rows, why) for layer in self.layers))

    def read(self) -> Representations:
        """The same with every layer read; one whose numbers are damaged is left out, and named.

        Opening a file reads names, shapes and types; what is wrong with the numbers shows here.

        Raises
        ------
        MethexisError
            If no layer is left: why the first was not read.
        """
        whole: list[Representation] = []
        damaged: list[tuple[str, str]] = []
        for layer in self.layers:
            try:
                layer.array  # noqa: B018  # it is kept once it is read
            except MethexisError as error:
                damaged.append((layer.source, str(error)))
            else:
                whole.append(layer)
        if damaged and not whole:
            more = f" (and {len(damaged) - 1} more like it)" if len(damaged) > 1 else ""
            raise MethexisError(f"{damaged[0][1]}{more}")
        told = (f"{place} ({why.removeprefix(f'{place}: ')})" for place, why in damaged)
        return replace(self, layers=tuple(whole), left_out=(*self.left_out, *told))

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
