"""Learning-rate schedules: the factor by which a step's learning rate differs from ``lr``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from methexis.core.checks import Array, number, one_of

SCHEDULES = ("constant", "cosine", "inverse_time")


@dataclass(frozen=True)
class Schedule:
    """Factor of the learning rate at step ``t`` of ``T``.

    Parameters
    ----------
    kind : {"constant", "cosine", "inverse_time"}
        ``1``; ``f + (1 - f) (1 + cos(π t/T))/2``; ``1 / (1 + (1/f - 1) t/T)``.
    final : float
        ``f``, the factor reached at ``t = T``, in (0, 1]; ignored by ``constant``.

    Raises
    ------
    MethexisError
        On an unknown kind or a ``final`` outside (0, 1].

    Examples
    --------
    >>> Schedule("cosine", final=0.1).factors(0, 3, total=2).round(6).tolist()
    [1.0, 0.55, 0.1]
    """

    kind: str = "constant"
    final: float = 0.02

    def __post_init__(self) -> None:
        one_of("schedule", self.kind, SCHEDULES)
        number("final", self.final, above=0.0, below=np.nextafter(1.0, 2.0))

    def factors(self, first: int, count: int, total: int) -> Array:
        """Factors of steps ``first … first + count - 1`` in a run of ``total`` steps."""
        part = np.arange(first, first + count) / total
        if self.kind == "cosine":
            return self.final + (1.0 - self.final) * (1.0 + np.cos(np.pi * part)) / 2.0
        if self.kind == "inverse_time":
            return np.asarray(1.0 / (1.0 + (1.0 / self.final - 1.0) * part))
        return np.ones(count)


def constant() -> Schedule:
    """The same learning rate at every step."""
    return Schedule("constant")


def cosine(final: float = 0.02) -> Schedule:
    """Half a cosine from 1 down to ``final``."""
    return Schedule("cosine", final)


def inverse_time(final: float = 0.02) -> Schedule:
    """``1/(1 + c t)`` with ``c`` such that the last factor is ``final``."""
    return Schedule("inverse_time", final)
