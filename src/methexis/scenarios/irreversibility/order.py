"""To which order integrators of gradient flow return: the odd one at or above their own.

The dial is the method. The shorter the steps, the less is left, and how fast it falls is the order
of return: 1 for descent, 3 for the methods of order 2 and 3, 5 for those of order 4 and 5. The flow
itself is reversible, so all of it is discretisation, and none is noise.
"""

from __future__ import annotations

from methexis.scenarios.dial import Dial
from methexis.scenarios.irreversibility.case import Curve, Effort, Scenario
from methexis.scenarios.irreversibility.integrators import METHODS, Integration, left_behind
from methexis.scenarios.irreversibility.problems import DESCRIPTIONS, setting
from methexis.scenarios.irreversibility.records import Control

DIAL = Dial(
    "method",
    "integrator of gradient flow",
    tuple(float(m.order) for m in METHODS),
    scale="names",
    names=tuple(f"{m.name} ({m.order})" for m in METHODS),
)
SCALED_TIME = 1.0
#: Not shorter, lest the methods of high order return to rounding.
STEPS = (8, 10, 13, 16, 20)
FULL = Effort(tuple(SCALED_TIME / n for n in STEPS), 1, (0, 1, 2, 3))
LOOK = Effort((SCALED_TIME / 10, SCALED_TIME / 14, SCALED_TIME / 20), 1, (0, 1), allowed=0.02)


def _case(number: int, value: float) -> Integration:
    method = METHODS[DIAL.values.index(value)]
    return Integration(setting(number, minimum=False), method, SCALED_TIME)


def _controls(quick: bool) -> tuple[Control, ...]:
    """Lengths of the first problem, by number of steps."""
    start = setting(0, minimum=False)
    time = SCALED_TIME / start.sharpest
    return tuple(
        Control(name, steps, left_behind(start, method, time, steps))
        for name, method in zip(DIAL.names, METHODS, strict=True)
        for steps in (STEPS[::2] if quick else STEPS)
    )


SCENARIO = Scenario(
    name="order",
    title="Integrators of gradient flow",
    claim="Gradient flow returns: integrators of order p fail to by the power 2⌊p/2⌋ + 1 of their "
    "step, and descent is the one of order 1.",
    dial=DIAL,
    problems=DESCRIPTIONS,
    curves=(Curve("there and back", _case, FULL, LOOK),),
    limit="Exact as the step h → 0 at fixed time; slopes between five steps are extrapolated. "
    "Nothing is random: the error is what the last power of the fit changes.",
    seed=220_000,
    controls=_controls,
)
