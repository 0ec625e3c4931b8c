"""Learning-rate schedules: the factor by which a step's learning rate differs from ``lr``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methexis import lazy as _lazy
from methexis import plots
from methexis.core.checks import Array, integer, number, one_of, real_array, shown
from methexis.core.checks import count as count_of
from methexis.display import Displayed
from methexis.errors import MethexisError

__all__ = ["Schedule", "constant", "cosine", "inverse_time"]
__dir__ = _lazy.listed(__all__)

#: Steps that a run may have.
MOST_STEPS = 2**62
SCHEDULES = ("constant", "cosine", "inverse_time")

#: Factors summed at once: small beside any run, long enough to cost nothing per call.
_CHUNK = 2**16
#: Places at which a factor is drawn.
_DRAWN = 200


@dataclass(frozen=True)
class Schedule(Displayed, plots.Pictured):
    """Factor of the learning rate at step ``t`` of ``T``.

    Steps count from 0, so the last one of a run has ``t = T - 1``; from ``t = T`` on the factor
    stays at its final value.

    `plot` draws the factor over the share of the run.

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
    >>> Schedule("cosine", final=0.1).factors(0, 4, total=2).round(6).tolist()
    [1.0, 0.55, 0.1, 0.1]
    """

    kind: str = "constant"
    final: float = 0.02

    def __post_init__(self) -> None:
        one_of("schedule", self.kind, SCHEDULES)
        number("final", self.final, above=0.0, below=np.nextafter(1.0, 2.0))

    def factors(self, first: int, count: int, total: int) -> Array:
        """Factors of steps ``first … first + count - 1`` in a run of ``total`` steps.

        Raises
        ------
        MethexisError
            If ``first`` or ``count`` is negative or ``total`` below 1.
        """
        first = integer("first", first, least=0, most=MOST_STEPS)
        length = count_of("count", count, least=0)
        total = integer("total", total, least=1, most=MOST_STEPS)
        part = np.minimum(np.arange(first, first + length) / total, 1.0)
        if self.kind == "cosine":
            return self.final + (1.0 - self.final) * (1.0 + np.cos(np.pi * part)) / 2.0
        if self.kind == "inverse_time":
            falling = 1.0 / (1.0 + (1.0 / self.final - 1.0) * part)
            return np.maximum(falling, self.final)  # rounding may undercut the end
        return np.ones(length)

    def _picture(self) -> plots.Panel:
        """The picture that `plot` draws, as data."""
        factors = self.factors(0, _DRAWN + 1, _DRAWN)
        line = plots.Curve(np.arange(_DRAWN + 1) / _DRAWN, factors, plots.Look(plots.style.SGD))
        across = plots.Axis("share t/T of the run")
        upwards = plots.Axis("factor of the learning rate", low=0.0, high=1.05)
        return plots.Panel(across, upwards, (line,))

    def sums_of_squares(self, steps: NDArray[np.int64], total: int) -> Array:
        """``Σ_{s<t} factor_s²`` at each ``t`` of increasing ``steps``.

        Summed in pieces, so memory does not grow with the number of steps.

        Raises
        ------
        MethexisError
            If ``steps`` are no increasing numbers from 0, or ``total`` is below 1.

        Examples
        --------
        >>> import numpy as np
        >>> inverse_time(0.5).sums_of_squares(np.array([0, 1, 2]), total=2).round(6).tolist()
        [0.0, 1.0, 1.444444]
        """
        ends = _increasing(steps)
        total = integer("total", total, least=1, most=MOST_STEPS)
        if self.kind == "constant":
            return ends.astype(np.float64)
        result = np.empty(len(ends))
        whole, so_far, last = 0, 0.0, float(self.factors(total, 1, total)[0]) ** 2
        for i, end in enumerate(ends.tolist()):
            step = min(end, total)
            while whole + _CHUNK <= step:
                so_far += self._square(whole, _CHUNK, total)
                whole += _CHUNK
            # Pieces begin at fixed steps, so the bits do not depend on what else is asked for.
            result[i] = so_far + self._square(whole, step - whole, total) + (end - step) * last
        return result

    def _square(self, first: int, count: int, total: int) -> float:
        return float(np.sum(self.factors(first, count, total) ** 2))


def _increasing(steps: Any) -> NDArray[np.int64]:
    """Numbers of steps, checked."""
    if not (type(steps) is np.ndarray and steps.dtype == np.int64 and steps.ndim == 1):
        given = real_array("steps", steps, (None,))
        if np.any(given != np.floor(given)) or np.any(np.abs(given) > MOST_STEPS):
            raise MethexisError(f"steps: expected whole numbers, got {shown(given.tolist())}")
        steps = given.astype(np.int64)
    whole: NDArray[np.int64] = steps
    if np.any(whole < 0) or np.any(np.diff(whole) < 0):
        raise MethexisError(
            f"steps: expected numbers of steps from 0 that increase, got {shown(whole.tolist())}"
        )
    return whole


def constant() -> Schedule:
    """The same learning rate at every step."""
    return Schedule("constant")


def cosine(final: float = 0.02) -> Schedule:
    """Half a cosine from 1 down to ``final``."""
    return Schedule("cosine", final)


def inverse_time(final: float = 0.02) -> Schedule:
    """``1/(1 + c t)`` with ``c`` such that the last factor is ``final``."""
    return Schedule("inverse_time", final)
