"""How large the representations of a comparison are: all that a plan needs to know of them.

Sizes are read from shapes, of arrays that are mapped from files or lie in a store as well as of
those in memory, so that a comparison is planned before a number is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from methexis.core.outside.foreign import admitted
from methexis.core.outside.npy import mapped
from methexis.errors import MethexisError
from methexis.measures.inputs.rdm import RDM


class Layer(NamedTuple):
    """One representation: columns (of an RDM none), and bytes of one of its numbers."""

    num_features: int
    item_bytes: int = 8


@dataclass(frozen=True)
class Sizes:
    """Sizes of two lists of representations, or of one list compared with itself."""

    num_samples: int
    rows: tuple[Layer, ...]
    columns: tuple[Layer, ...]  # the rows themselves where a list is compared with itself
    same: bool = False  # whether that is so
    single: bool = False  # whether one pair is compared by `compare`, which gives it an interval
    dissimilarities: bool = False  # whether an RDM is among them

    @classmethod
    def of(
        cls,
        num_samples: int,
        widths_a: Sequence[int],
        widths_b: Sequence[int] | None = None,
        *,
        single: bool = False,
    ) -> Sizes:
        """Sizes from numbers of features, with numbers in double precision."""
        rows = tuple(Layer(width) for width in widths_a)
        columns = rows if widths_b is None else tuple(Layer(width) for width in widths_b)
        return cls(num_samples, rows, columns, widths_b is None, single)

    @property
    def widths(self) -> tuple[list[int], list[int]]:
        """Numbers of features of each side."""
        rows, columns = ([layer.num_features for layer in s] for s in (self.rows, self.columns))
        return rows, columns


def sizes_of(
    rows: Sequence[Any], columns: Sequence[Any] | None, *, single: bool = False
) -> Sizes | None:
    """Sizes of representations as they are given; None where one is not a representation."""
    everything = [*rows, *(columns or ())]
    known_layers = [known for one in everything if (known := _layer(one)) is not None]
    if len(known_layers) < len(everything):
        return None
    layers = tuple(layer for _, layer in known_layers)
    given = layers[: len(rows)]
    return Sizes(
        known_layers[0][0],
        given,
        given if columns is None else layers[len(rows) :],
        columns is None,
        single,
        any(isinstance(one, RDM) for one in everything),
    )


def opened(name: str, given: Any) -> Any:
    """A representation; of the path of a ``.npy`` file, the array mapped from it."""
    if not isinstance(given, str | Path):
        return given
    try:
        return mapped(given)
    except (OSError, ValueError):
        raise MethexisError(
            f"{name}: expected an array, or a .npy file that holds one, got {str(given)!r}"
        ) from None


def _layer(given: Any) -> tuple[int, Layer] | None:
    """Samples and layer of one representation."""
    if isinstance(given, RDM):
        return given.num_samples, Layer(0)
    if not hasattr(given, "shape"):
        try:
            given = admitted("", given)
        except MethexisError:
            return None
    shape = tuple(given.shape)
    if len(shape) != 2 or not prod(shape):
        return None
    item = getattr(getattr(given, "dtype", None), "itemsize", None)
    return int(shape[0]), Layer(int(shape[1]), int(item or 8))
