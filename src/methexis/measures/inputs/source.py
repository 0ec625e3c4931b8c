"""The representations of a grid: all checked before anything is computed, made ready one by one.

What is kept are the arrays as they were given. A representation in the precision of the computation
and after preprocessing exists only while it is reduced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import array_api_compat
import numpy as np

from methexis.errors import MethexisError
from methexis.measures.inputs.features import (
    Features,
    Tensor,
    Typed,
    beside,
    entered,
    features,
    together,
)
from methexis.measures.inputs.naming import Named
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.rdm import RDM, same_samples
from methexis.measures.inputs.representations import Representation
from methexis.measures.measure import Measure


class Source:
    """Rows and columns of a grid.

    Attributes
    ----------
    rows, columns : sequences of Named
        Columns are the rows themselves where a list is compared with itself.
    same : bool
        Whether that is so.
    num_samples : int
        Number of samples of all representations.
    precision : str
        Precision of the computation.
    widths : dict
        Numbers of features by side, ``"a"`` and ``"b"``; 0 of an RDM.
    given : set of str
        The types of the numbers as they came.

    Raises
    ------
    MethexisError
        If a representation is refused, alone or beside the first.
    """

    def __init__(
        self,
        rows: Sequence[Named],
        columns: Sequence[Named] | None,
        method: Measure[Any],
        steps: Preprocessing,
        precision: str,
    ) -> None:
        self.rows, self.same = rows, columns is None
        self.columns = rows if columns is None else columns
        self._steps, self.precision = steps, precision
        self._scaled = method.scale_free or steps.normalise
        # Labels of what has to be brought into range.
        self._far: set[str] = set()
        self.widths: dict[str, list[int]] = {"a": [], "b": []}
        self.given: set[str] = set()
        members = [*rows, *(columns or [])]
        # RDMs, and arrays of NumPy, go to the library and the device where other features live.
        rows_given = [one for one in members if not isinstance(one.array, RDM)]
        elsewhere = (one for one in rows_given if array_api_compat.is_torch_array(one.array))
        home = next(elsewhere, rows_given[0] if rows_given else None)
        self._home: Any = None
        self._home = None if home is None else self._features(home).array[:1]
        first = self._checked(members[0])
        labelled = first if isinstance(first, RDM) else None
        for place, one in enumerate(members):
            checked = self._checked(one)
            together(first, checked)
            if isinstance(checked, RDM):
                labelled = checked if labelled is None else labelled
                same_samples(labelled, checked)
            width, given = _described(checked)
            self.widths["a" if place < len(rows) else "b"].append(width)
            self.given.add(given)
        if self.same:
            self.widths["b"] = self.widths["a"]
        self.num_samples = first.num_samples
        if self.num_samples < method.min_samples:
            raise MethexisError(
                f"{method.name}: expected at least {method.min_samples} samples, got "
                f"{self.num_samples}"
            )

    def held_as(self, change: Callable[[Any], Any]) -> Source:
        """The same source with another form of each array, such as its place in a file."""
        other = copy(self)
        other.rows = [replace(one, array=change(one.array)) for one in self.rows]
        other.columns = other.rows
        if not self.same:
            other.columns = [replace(one, array=change(one.array)) for one in self.columns]
        return other

    def row(self, k: int) -> Representation:
        """One of the rows, ready to be reduced."""
        return self._ready(self.rows[k])

    def column(self, k: int) -> Representation:
        """One of the columns."""
        return self._ready(self.columns[k])

    def widest(self, side: str) -> int:
        """Place of the representation with most features, of one side."""
        return int(np.argmax(self.widths[side]))

    def arrays(self) -> tuple[list[Tensor], list[Tensor] | None] | None:
        """All arrays as given, None for columns that are the rows; None if steps come before."""
        everything = (*self.rows, *self.columns)
        if self._steps != Preprocessing() or any(isinstance(o.array, RDM) for o in everything):
            return None
        rows, columns = ([self._array(one) for one in side] for side in (self.rows, self.columns))
        return rows, None if self.same else columns

    def _ready(self, one: Named) -> Representation:
        checked = self._checked(one)
        return checked if isinstance(checked, RDM) else self._steps(checked)

    def _array(self, one: Named) -> Tensor:
        """The array as given, unless it has to be brought into range."""
        if one.label in self._far:
            return self._features(one).array
        given = one.array.array if isinstance(one.array, Typed) else one.array
        array = entered(one.label, given)
        if self._home is None or array_api_compat.is_numpy_array(self._home):
            return array
        return array if array_api_compat.is_torch_array(array) else self._features(one).array

    def _features(self, one: Named) -> Features:
        rows = features(one.label, one.array, precision=self.precision, scaled=self._scaled)
        if rows.exponent:
            self._far.add(one.label)
        return rows if self._home is None else beside(rows, self._home)

    def _checked(self, one: Named) -> Representation:
        if not isinstance(one.array, RDM):
            return self._features(one)
        renamed = one.array.called(one.label, precision=self.precision, scaled=self._scaled)
        return renamed if self._home is None else renamed.beside(self._home)


def _described(given: Representation) -> tuple[int, str]:
    """Number of features, 0 of an RDM, and the type of the numbers as they came."""
    if isinstance(given, RDM):
        return 0, f"RDM ({given.dissimilarity})"
    return given.num_features, given.given
