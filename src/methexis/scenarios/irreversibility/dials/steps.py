"""How what does not return grows with the number of steps.

The dial is ``λT``, time in units of the steepest curvature's; ``n = T/η`` steps are taken there and
as many back. From a minimum the descent of single samples leaves a displacement that grows with
``T`` along the minima, where nothing pulls it back on the way there or drives it away on the way
back, and exponentially across them, since the way back climbs. Elsewhere the gradient itself does
not return either, with or without noise.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.irreversibility.integrators import EIGHTH, HEUN, RUNGE_KUTTA, left_behind
from methexis.scenarios.irreversibility.problems import DESCRIPTIONS, setting
from methexis.scenarios.irreversibility.records import Control
from methexis.scenarios.irreversibility.walk import retrace
from methexis.scenarios.irreversibility.walks import Walks

DIAL = Dial(
    "λT",
    "time there, in units of the steepest curvature",
    (0.1, 0.25, 0.5, 1.0, 1.5, 2.0),
    least=0.0,
)
RANDOM = Effort((0.04, 0.03, 0.02, 0.015, 0.01), 512, (0, 1, 2))
LOOK = Effort((0.04, 0.02), 64, (0, 1), relative=0.1)
#: Nothing is random here, so that five powers cost nothing.
EXACT = Effort((0.04, 0.03, 0.02, 0.015, 0.01), 1, (0, 1, 2, 3, 4))
EXACT_LOOK = Effort((0.04, 0.02), 1, (0, 1), relative=0.1)
#: Names of the controls.
AT_REST = "exact descent, from a minimum"
FLOWS = {f"gradient flow, order {m.order}": m for m in (HEUN, RUNGE_KUTTA, EIGHTH)}


def _case(sampling: str, minimum: bool, number: int, value: float) -> Walks:
    return Walks(setting(number, minimum=minimum), value, sampling)


def _controls(quick: bool) -> tuple[Control, ...]:
    """Controls of the first problem at the smallest step: descent from a minimum, and flow."""
    small = (LOOK if quick else RANDOM).small[-1]
    minimum, elsewhere = setting(0), setting(0, minimum=False)
    controls = []
    for value in DIAL.values:
        plan = Walks(minimum, value, "full").plan(small, 1, 0)
        length = float(np.linalg.norm(retrace(plan).left))
        controls.append(Control(AT_REST, plan.steps, length))
        for name, method in FLOWS.items():
            time = value / elsewhere.sharpest
            length = left_behind(elsewhere, method, time, plan.steps)
            controls.append(Control(name, plan.steps, length))
    return tuple(controls)


SCENARIO = Scenario(
    name="steps",
    title="Steps there and back",
    claim="Steps retraced on the same samples do not return: from a minimum SGD is left with a "
    "displacement that grows with the number of steps along the minima, exponentially across.",
    dial=DIAL,
    problems=DESCRIPTIONS,
    curves=(
        Curve("SGD, from a minimum", partial(_case, "online", True), RANDOM, LOOK),
        Curve("SGD, from elsewhere", partial(_case, "online", False), RANDOM, LOOK),
        Curve("exact descent, from elsewhere", partial(_case, "full", False), EXACT, EXACT_LOOK),
    ),
    limit="Exact as η → 0 at fixed ηn: measured at five learning rates and extrapolated.",
    seed=200_000,
    controls=_controls,
)
