"""A dial: what a job turns, over which values, and how a figure shows them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from methexis.errors import MethexisError


@dataclass(frozen=True)
class Dial:
    """What a job turns, over which values, and how a figure shows them."""

    #: For axes and tables; the unit may be empty.
    symbol: str
    words: str
    values: tuple[float, ...]  # ascending, at least five
    #: "log", "linear" or "names": how an axis shows it; ``names`` for kinds rather than amounts.
    scale: str = "log"
    unit: str = ""
    names: tuple[str, ...] = ()  # of the values, where the scale is ``names``
    #: Meaning of the dial: values outside are refused.
    least: float = -math.inf
    most: float = math.inf
    #: The value, if any, at which every prediction is perfect alignment.
    platonic: float | None = None
    whole: bool = False  # whether only whole numbers have a meaning

    def check(self, value: float) -> float:
        """Return a value within the dial's meaning.

        Raises
        ------
        MethexisError
            For any other.

        Examples
        --------
        >>> Dial("κ", "weight decay", (0.0, 1.0), least=0.0).check(0.5)
        0.5
        """
        if self.scale == "names" and value not in self.values:
            kinds = ", ".join(f"{v:g} ({n})" for v, n in zip(self.values, self.names, strict=True))
            raise MethexisError(f"{self.words}: expected one of {kinds}, got {value:g}")
        if not self.least <= value <= self.most:
            low = f">= {self.least:g}" if math.isfinite(self.least) else ""
            high = f"<= {self.most:g}" if math.isfinite(self.most) else ""
            wanted = " and ".join(part for part in (low, high) if part) or "a finite number"
            raise MethexisError(f"{self.words}: expected {self.symbol} {wanted}, got {value:g}")
        return value

    @property
    def fine(self) -> tuple[float, ...]:
        """The values and, where the dial has a scale, what lies half-way between them.

        Examples
        --------
        >>> Dial("κ", "weight decay", (1.0, 4.0)).fine
        (1.0, 2.0, 4.0)
        >>> Dial("B", "batch size", (1.0, 2.0, 8.0), whole=True).fine
        (1.0, 2.0, 4.0, 8.0)
        """
        values = np.asarray(self.values)
        if self.scale == "log":
            values = np.sort(np.concatenate([values, np.sqrt(values[1:] * values[:-1])]))
        elif self.scale == "linear":
            values = np.sort(np.concatenate([values, (values[1:] + values[:-1]) / 2.0]))
        if self.whole:
            values = np.unique(np.rint(values))
        return tuple(values.tolist())

    def label(self, value: float) -> str:
        """A value as text."""
        if self.scale == "names":
            return self.names[self.values.index(value)]
        return f"{value:.6g}"
