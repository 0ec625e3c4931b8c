"""To which order integrators of gradient flow return: the odd one at or above their own.

The dial is the method. The shorter the steps, the less is left, and how fast it falls is the order
of return: 1 for descent, 3 for the methods of order 2 and 3, 5 for those of order 4 and 5. The flow
itself is reversible, so all of it is discretisation, and none is noise.
"""

from __future__ import annotations

from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.irreversibility.integrators import METHODS, Integration
from methexis.scenarios.irreversibility.problems import DESCRIPTIONS, setting

DIAL = Dial(
    "method",
    "integrator of gradient flow",
    tuple(float(m.order) for m in METHODS),
    scale="names",
    names=tuple(f"{m.name} ({m.order})" for m in METHODS),
)
SCALED_TIME = 1.0
#: Not shorter: methods of high order would return to within rounding.
STEPS = (6, 8, 10, 12, 15)
#: Powers of the correction to a pure power of the step.
FULL = Effort(tuple(SCALED_TIME / n for n in STEPS), 1, (1, 2, 3))
LOOK = Effort(tuple(SCALED_TIME / n for n in STEPS[::2]), 1, (1,), relative=0.02)


def _case(number: int, value: float) -> Integration:
    method = METHODS[DIAL.values.index(value)]
    return Integration(setting(number, minimum=False), method, SCALED_TIME)


SCENARIO = Scenario(
    name="order",
    title="Integrators of gradient flow",
    claim="Gradient flow returns: integrators of order p fail to by the power 2⌊p/2⌋ + 1 of their "
    "step, and descent is the one of order 1.",
    dial=DIAL,
    problems=DESCRIPTIONS,
    curves=(Curve("there and back", _case, FULL, LOOK),),
    limit="Exact as the step h → 0 at fixed time; lengths at five steps are fitted by a power, "
    "with corrections. Nothing is random: the error is what the last correction changes.",
    seed=220_000,
)
