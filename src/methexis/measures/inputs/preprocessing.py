"""What is done to features before they are compared, as data that travels with the score.

Two tools that disagree usually differ here. The steps are few and come in one order: numbers beyond
a quantile of their absolute values are clipped, columns are centred, rows are scaled to length one.

The quantile has two rules in the literature on the Platonic representation hypothesis, and they
give different bounds: the order statistic of all numbers (its library), and the mean over rows of
the row's quantile, interpolated (its script, unless told otherwise). With several layers of one
model the bound is common to all; `Preprocessing.bound` of the layers side by side gives it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import array_api_compat
import numpy as np

from methexis.core.checks import boolean, number, one_of
from methexis.measures.inputs.features import Features, Namespace, Tensor, refuse_rows

CLIP_RULES = ("all", "rows")


@dataclass(frozen=True)
class Preprocessing:
    """Steps before a comparison, in the order of the fields.

    Parameters
    ----------
    clip_quantile : float, optional
        Entries are clipped to ``±b``, with ``b`` the quantile of their absolute values.
    clip_rule : {"all", "rows"}
        "all": of all N entries in increasing order, number ``floor(q N)``, counted from 0. "rows":
        the mean over rows of the row's quantile, interpolated linearly.
    centre : bool
        Subtract the mean of each column.
    normalise : bool
        Divide each row by its Euclidean length.

    Raises
    ------
    MethexisError
        If the quantile is not in (0, 1), or there is no such rule.

    Examples
    --------
    >>> from methexis.measures.inputs.features import features
    >>> given = features("X", [[3.0, -4.0], [0.0, 1.0], [2.0, 0.0], [1.0, 1.0]])
    >>> Preprocessing(clip_quantile=0.75).bound(given)
    3.0
    >>> Preprocessing(clip_quantile=0.75, clip_rule="rows").bound(given)
    1.75
    """

    clip_quantile: float | None = None
    clip_rule: str = "all"
    centre: bool = False
    normalise: bool = False

    def __post_init__(self) -> None:
        if self.clip_quantile is not None:
            number("clip_quantile", self.clip_quantile, above=0.0, below=1.0)
        one_of("clip_rule", self.clip_rule, CLIP_RULES)
        for name in ("centre", "normalise"):
            object.__setattr__(self, name, boolean(name, getattr(self, name)))

    def __call__(self, given: Features, *, bound: float | None = None) -> Features:
        """Features after the steps.

        Parameters
        ----------
        given : Features
            Before them.
        bound : float, optional
            Where to clip, if not at these features' own `bound`: the layers of a model have one.

        Raises
        ------
        MethexisError
            If a row of length zero should be scaled to one.
        """
        xp, array = given.xp, given.array
        if self.clip_quantile is not None:
            bound = self.bound(given) if bound is None else bound
            array = xp.clip(array, -bound, bound)
        if self.centre:
            array = array - xp.mean(array, axis=0, keepdims=True)
        if self.normalise:
            zero = xp.all(array == 0, axis=1)
            refuse_rows(given, zero, "rows that can be scaled to length one, got zeros")
            array = _of_length_one(xp, array)
        return given.replaced(array)

    def bound(self, given: Features) -> float:
        """Where entries are clipped; infinite without a quantile.

        Parameters
        ----------
        given : Features
            One representation, or the layers of a model side by side.
        """
        if self.clip_quantile is None:
            return float("inf")
        values = given.xp.abs(given.array)
        if self.clip_rule == "rows":
            return float(given.xp.mean(_row_quantiles(given.xp, values, self.clip_quantile)))
        flat = given.xp.reshape(values, (-1,))
        place = int(self.clip_quantile * flat.shape[0])
        if array_api_compat.is_numpy_array(flat):
            return float(np.partition(flat, place)[place])
        return float(given.xp.sort(flat)[place])

    def described(self) -> dict[str, Any]:
        """The steps by name."""
        return asdict(self)


#: Sets of steps by name. Those of Huh et al. 2024 (github.com/minyoungg/platonic-rep) before they
#: look for neighbours: clip at the 95 % quantile, then rows of length one. "prh" is what their
#: library does (`exact=True`), "prh_rows" their script without `--precise`.
NAMED: dict[str, Preprocessing] = {
    "none": Preprocessing(),
    "prh": Preprocessing(clip_quantile=0.95, normalise=True),
    "prh_rows": Preprocessing(clip_quantile=0.95, clip_rule="rows", normalise=True),
}


def preprocessing(value: Preprocessing | str | None) -> Preprocessing:
    """Steps from their name, or as they are; None stands for none.

    Raises
    ------
    MethexisError
        If there is no such name.
    """
    if value is None:
        return NAMED["none"]
    if isinstance(value, Preprocessing):
        return value
    return NAMED[one_of("preprocessing", value, tuple(NAMED))]


def _of_length_one(xp: Namespace, array: Tensor) -> Tensor:
    """Rows over their lengths; those whose squares vanish beside the others' are enlarged first."""
    lengths = xp.linalg.vector_norm(array, axis=1, keepdims=True)
    small = lengths < xp.finfo(array.dtype).smallest_normal ** 0.5 * 1e3
    if bool(xp.any(small)):
        largest = xp.max(xp.abs(array), axis=1, keepdims=True)
        array = xp.where(small, array / largest, array)
        lengths = xp.where(small, xp.linalg.vector_norm(array, axis=1, keepdims=True), lengths)
    return array / lengths


def _row_quantiles(xp: Any, values: Tensor, level: float) -> Tensor:
    """Quantile of each row between order statistics, interpolated linearly."""
    ordered = xp.sort(values, axis=1)
    place = level * (ordered.shape[1] - 1)
    low = int(place)
    high = min(low + 1, ordered.shape[1] - 1)
    return ordered[:, low] + (place - low) * (ordered[:, high] - ordered[:, low])
