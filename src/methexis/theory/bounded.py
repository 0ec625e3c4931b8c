"""Integration with an end: no call goes on for ever, whatever its learning rate and its steps.

A step size that double precision cannot tell from zero stops SciPy's integrators by itself. Rates
that are far apart, or a time that is far beyond all of them, do not: they would go on for days. So
the right-hand side counts how often it is asked, and says when that is too often. A count and no
clock, so that the same call gives the same answer on any machine.
"""

from __future__ import annotations

from collections.abc import Callable

from methexis.core.checks import Array
from methexis.errors import MethexisError

#: Evaluations of a right-hand side, ten times what the longest of our own experiments asks for.
MOST_EVALUATIONS = 20_000


def bounded(
    name: str,
    field: Callable[[float, Array], Array],
    end: float,
    *,
    most: int | None = None,
) -> Callable[[float, Array], Array]:
    """A right-hand side ``f(t, y)`` that can be asked so many times, on the way to time ``end``.

    Raises
    ------
    MethexisError
        When it is asked once more.
    """
    allowed = MOST_EVALUATIONS if most is None else most
    asked = 0

    def counted(time: float, state: Array) -> Array:
        nonlocal asked
        asked += 1
        if asked > allowed:
            raise MethexisError(
                f"{name}: expected to reach time {end:.4g} within {allowed} evaluations, got to "
                f"{time:.4g}; ask for fewer steps, or for a smaller lr or a larger rtol"
            )
        return field(time, state)

    return counted
