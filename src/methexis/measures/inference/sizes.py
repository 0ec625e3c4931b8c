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

import numpy as np

from methexis.core.npy import mapped
from methexis.errors import MethexisError
from methexis.measures.inputs.rdm import RDM


class Layer(NamedTuple):
    """One representation: columns (of an RDM none), and bytes of one of its numbers."""

    num_features: int
    item_bytes: int = 8


@dataclass(frozen=True)
class Sizes:
    """Of two lists of representations, or of one list beside itself.

    Attributes
    ----------
    num_samples : int
    rows, columns : tuples of Layer
        Columns are the rows themselves where a list is compared with itself.
    same : bool
        Whether that is so.
    single : bool
        Whether one pair is compared by `compare`, which gives it an interval.
    dissimilarities : bool
        Whether an RDM is among them.
    """

    num_samples: int
    rows: tuple[Layer, ...]
    columns: tuple[Layer, ...]
    same: bool = False
    single: bool = False
    dissimilarities: bool = False

    @classmethod
    def of(
        cls,
        num_samples: int,
        widths_a: Sequence[int],
        widths_b: Sequence[int] | None = None,
        *,
        single: bool = False,
    ) -> Sizes:
        """From numbers of features, of double precision."""
        rows = tuple(Layer(width) for width in widths_a)
        columns = rows if widths_b is None else tuple(Layer(width) for width in widths_b)
        return cls(num_samples, rows, columns, widths_b is None, single)

    @property
    def widest(self) -> tuple[int, int]:
        """Most features of each side."""
        one, other = (max(d.num_features for d in side) for side in (self.rows, self.columns))
        return one, other

    @property
    def num_layers(self) -> int:
        """Of both sides; of a list beside itself, once."""
        return len(self.rows) + (0 if self.same else len(self.columns))


def sizes_of(
    rows: Sequence[Any], columns: Sequence[Any] | None, *, single: bool = False
) -> Sizes | None:
    """Sizes of representations as they are given; None where one is no such, which others tell."""
    sides = [[_layer(one) for one in side] for side in (rows, columns or ())]
    if any(found is None for side in sides for found in side):
        return None
    known = [[found[1] for found in side if found is not None] for side in sides]
    first = sides[0][0]
    assert first is not None
    given = tuple(known[0])
    return Sizes(
        first[0],
        given,
        given if columns is None else tuple(known[1]),
        columns is None,
        single,
        any(isinstance(one, RDM) for one in (*rows, *(columns or ()))),
    )


def opened(name: str, given: Any) -> Any:
    """A representation; of the path of a ``.npy`` file, the array mapped from it.

    Raises
    ------
    MethexisError
        If there is no such file.
    """
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
            given = np.asarray(given)
        except (ValueError, TypeError):
            return None
    shape = tuple(given.shape)
    if len(shape) != 2 or not prod(shape):
        return None
    item = getattr(getattr(given, "dtype", None), "itemsize", None)
    return int(shape[0]), Layer(int(shape[1]), int(item or 8))
