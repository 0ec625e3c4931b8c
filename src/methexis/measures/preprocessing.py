"""What is done to features before they are compared, as data that travels with the score.

Two tools that disagree usually differ here. The steps are few and come in one order: numbers beyond
a quantile of their absolute values are clipped, columns are centred, rows are scaled to length one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from methexis.core.checks import number, one_of
from methexis.errors import MethexisError
from methexis.measures.features import Features, Tensor


@dataclass(frozen=True)
class Preprocessing:
    """Steps before a comparison, in the order of the fields.

    Parameters
    ----------
    clip_quantile : float, optional
        Entries are clipped to ``±q``, the quantile of all absolute entries (interpolated linearly).
    centre : bool
        Subtract the mean of each column.
    normalise : bool
        Divide each row by its Euclidean length.

    Raises
    ------
    MethexisError
        If the quantile is not in (0, 1).
    """

    clip_quantile: float | None = None
    centre: bool = False
    normalise: bool = False

    def __post_init__(self) -> None:
        if self.clip_quantile is not None:
            number("clip_quantile", self.clip_quantile, above=0.0, below=1.0)

    def __call__(self, given: Features) -> Features:
        """Features after the steps.

        Raises
        ------
        MethexisError
            If a row of length zero should be scaled to one.
        """
        xp, array = given.xp, given.array
        if self.clip_quantile is not None:
            bound = _quantile(xp, xp.abs(array), self.clip_quantile)
            array = xp.clip(array, -bound, bound)
        if self.centre:
            array = array - xp.mean(array, axis=0, keepdims=True)
        if self.normalise:
            lengths = xp.linalg.vector_norm(array, axis=1, keepdims=True)
            if bool(xp.any(lengths == 0)):
                row = int(xp.argmin(lengths[:, 0]))
                raise MethexisError(
                    f"{given.name}: expected rows that can be scaled to length one, got zeros in "
                    f"row {row}"
                )
            array = array / lengths
        return given.replaced(array)

    def described(self) -> dict[str, Any]:
        """The steps by name."""
        return asdict(self)


#: Sets of steps by name. "prh" is what the literature on the Platonic representation hypothesis
#: does before it looks for neighbours: clip at the 95 % quantile, then rows of length one.
NAMED: dict[str, Preprocessing] = {
    "none": Preprocessing(),
    "prh": Preprocessing(clip_quantile=0.95, normalise=True),
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


def _quantile(xp: Any, values: Tensor, level: float) -> Tensor:
    """Quantile between order statistics, interpolated linearly."""
    ordered = xp.sort(xp.reshape(values, (-1,)))
    place = level * (ordered.shape[0] - 1)
    low = int(place)
    high = min(low + 1, ordered.shape[0] - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
