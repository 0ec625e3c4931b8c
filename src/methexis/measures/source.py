"""The representations of a grid: all checked before anything is computed, made ready one by one.

What is kept are the arrays as they were given. A representation in the precision of the computation
and after preprocessing exists only while it is reduced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import array_api_compat
import numpy as np

from methexis.errors import MethexisError
from methexis.measures.features import Features, Tensor, features, to_numpy, together
from methexis.measures.measure import Measure
from methexis.measures.naming import Named
from methexis.measures.preprocessing import Preprocessing


class Source:
    """Rows and columns of a grid.

    Attributes
    ----------
    rows, columns : sequences of Named
        Columns are the rows themselves where a list is compared with itself.
    same : bool
        Whether that is so.
    num_samples : int
        Of all of them.
    precision : str
        Of the computation.
    widths : dict
        Numbers of features by side, ``"a"`` and ``"b"``.
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
        self.widths: dict[str, list[int]] = {"a": [], "b": []}
        self.given: set[str] = set()
        first: Features | None = None
        sides = [("a", rows)] if columns is None else [("a", rows), ("b", columns)]
        for side, members in sides:
            for one in members:
                found = features(one.label, one.array, precision=self.precision)
                if first is None:
                    first = found
                together(first, found)
                self.widths[side].append(found.num_features)
                self.given.add(found.given)
        assert first is not None
        if self.same:
            self.widths["b"] = self.widths["a"]
        self.num_samples = first.num_samples
        if self.num_samples < method.min_samples:
            raise MethexisError(
                f"{method.name}: expected at least {method.min_samples} samples, got "
                f"{self.num_samples}"
            )

    def row(self, k: int) -> Features:
        """One of the rows, ready to be reduced."""
        return self._ready(self.rows[k])

    def column(self, k: int) -> Features:
        """One of the columns."""
        return self._ready(self.columns[k])

    def widest(self, side: str) -> int:
        """Which of a side has most features."""
        return int(np.argmax(self.widths[side]))

    def arrays(self) -> tuple[list[Tensor], list[Tensor] | None] | None:
        """All arrays as given, columns None for the rows; None if there are steps before."""
        if self._steps != Preprocessing():
            return None
        rows, columns = ([_array(one.array) for one in side] for side in (self.rows, self.columns))
        return rows, None if self.same else columns

    def _ready(self, one: Named) -> Features:
        return self._steps(features(one.label, one.array, precision=self.precision))


def _array(given: Any) -> Tensor:
    return given if array_api_compat.is_array_api_obj(given) else to_numpy(given)
