"""How batches restore reversibility: a B-th of the displacement, and none for the whole data set.

From a minimum only the noise of a batch does not return. Of independent samples a batch of ``B``
has a ``B``-th of it; of shuffled epochs of ``N`` samples ``(N - B)/(N - 1)`` of that, which is
nothing for ``B = N``. The data set is a product design of 16 samples, whose moments are exact;
shuffled walks are whole epochs.
"""

from __future__ import annotations

from functools import partial

from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort
from methexis.scenarios.irreversibility.case import Scenario
from methexis.scenarios.irreversibility.problems import DESCRIPTIONS, NUM_NOISE, NUM_X, setting
from methexis.scenarios.irreversibility.walks import Walks

SAMPLES = NUM_X * NUM_NOISE
DIAL = Dial(
    "B",
    f"batch size, of {SAMPLES} samples",
    (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0),
    least=1.0,
    whole=True,
)
SCALED_TIME = 0.5
FULL = Effort((0.04, 0.03, 0.02, 0.015, 0.01), 512, (0, 1, 2))
LOOK = Effort((0.04, 0.02), 64, (0, 1), relative=0.1)
#: Batches of an epoch are not independent, so there is no variate; replicas make up for it. One to
#: five epochs of single samples, and as many steps of larger batches.
WITHIN = tuple(b for b in DIAL.values if b <= SAMPLES)
SHUFFLED = Effort(
    tuple(SCALED_TIME / SAMPLES / n for n in range(1, 6)), 2048, (0, 1, 2), values=WITHIN
)
SHUFFLED_LOOK = Effort(SHUFFLED.small[:2], 256, (0, 1), values=WITHIN, relative=0.1)


def _case(sampling: str, number: int, batch: float) -> Walks:
    return Walks(setting(number, data=True), SCALED_TIME, sampling, round(batch))


SCENARIO = Scenario(
    name="batch",
    title="Larger batches",
    claim="From a minimum a batch of B samples leaves a B-th of what one leaves, and the whole "
    "data set, as one batch, returns.",
    dial=DIAL,
    problems=DESCRIPTIONS,
    curves=(
        Curve("with replacement", partial(_case, "replace"), FULL, LOOK),
        Curve("shuffled epochs", partial(_case, "shuffle"), SHUFFLED, SHUFFLED_LOOK),
    ),
    limit="Exact as η → 0 at fixed ηn: measured at five learning rates and extrapolated.",
    seed=210_000,
)
