"""Integration with an end: no call goes on for ever, whatever its learning rate and its steps.

A step size that double precision cannot tell from zero stops SciPy's integrators by itself. Rates
that are far apart, or a time that is far beyond all of them, do not: they would go on for days. So
the right-hand side counts how often it is asked, and says when that is too often. A count and no
clock, so that the same call gives the same answer on any machine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError

#: Evaluations of a right-hand side: three times what the longest path of our own tests asks for.
MOST_EVALUATIONS = 15_000
#: After so many it is clear how fast an integrator gets on; beyond so many in all it is hopeless.
_ENOUGH, _HOPELESS = 3_000, 1e7


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
        hopeless = asked >= _ENOUGH and end < np.inf and asked * end > _HOPELESS * time
        if asked > allowed or hopeless:
            raise MethexisError(
                f"{name}: expected to reach time {end:.4g} within {allowed} evaluations, got to "
                f"{time:.4g} after {asked}; ask for fewer steps, a smaller lr or a larger rtol"
            )
        return field(time, state)

    return counted
