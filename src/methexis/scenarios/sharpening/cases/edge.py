"""Two edges: learning rates so large that they hold sharpening back before it gets there.

One input, and 16 labels of which only the first depends on it: their noise wants to take the
largest eigenvalue from 4 to 8.5. Descent on the exact gradient becomes unstable at ``η λ = 2``, and
steps on single samples at ``η λ = 2/3``.
"""

from __future__ import annotations

import numpy as np

from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.framework.scenario import Effort
from methexis.scenarios.sharpening.case import FALLS, RISES, Case, Found
from methexis.scenarios.sharpening.cases.common import balanced, times
from methexis.scenarios.sharpening.training import Edge, SingleSamples
from methexis.theory.curvature import sharpness
from methexis.theory.gauge import balanced_minimum
from methexis.training.optimisers import SGD
from methexis.training.plan import make_plan
from methexis.training.weights import recorded_weights

#: Of ``σ²`` near the edge.
FULL_EDGE = Effort(small=(0.01, 0.005, 0.0025), replicas=64, powers=(0, 1, 2))
QUICK_EDGE = Effort(small=(0.01, 0.005), replicas=64, powers=(0, 1), relative=0.01)

FULL_SINGLE = Effort(small=(0.02, 0.01, 0.005), replicas=128, powers=(0, 1, 2))
QUICK_SINGLE = Effort(small=(0.02, 0.01), replicas=128, powers=(0, 1), relative=0.01)

#: Learning rate of the case at the edge: ``2/η = 6``.
EDGE_LR = 1.0 / 3.0
#: Learning rate of the case at the edge of single samples, which is at ``η λ = 2/3``: the theorem
#: alone leads to ``η λ = 0.48``, this rate to 0.38. Beyond 0.385 fourth moments are infinite, and
#: errors taken from the spread of replicas would mean nothing.
SINGLE_LR = 0.06
#: ``η λ_max`` at the start of runs on single samples, noise variances, and their length in units
#: of slow time at a variance of 1. A vanishing learning rate would take them to ``η λ`` = 0.85.
_STEEP_START, _WEAK, _STRONG, _STEEP_LAST = 0.4, 0.01, 1.0, 1.0
_STEEP_REPLICAS, _STEEP_SEED = 32, 8200


def one_output_matters() -> Teacher:
    """One input, 16 labels of which only the first depends on it; equal noise on all."""
    weight = np.zeros((16, 1))
    weight[0] = 1.0
    return Teacher(weight)


def losses(outcome: Found) -> list[Check]:
    """Runs that would go beyond their edge: whether they are lost is a matter of the noise."""
    del outcome
    weak, strong = (_lost(noise) for noise in (_WEAK, _STRONG))
    return [
        Check(
            f"on course for η λ = 0.85, noise of variance {_WEAK:g}: lost",
            f"{weak} of {_STEEP_REPLICAS}",
            "none: held back before the edge at 2/3",
            weak == 0,
        ),
        Check(
            f"the same, noise of variance {_STRONG:g}: lost",
            f"{strong} of {_STEEP_REPLICAS}",
            "some",
            strong > 0,
        ),
    ]


def _lost(variance: float) -> int:
    clean = one_output_matters()
    teacher = Teacher(clean.weight, cov_noise=variance * np.eye(clean.dim_y))
    student = EDLN(hidden=(1,))
    weights = balanced_minimum(teacher, student)
    lr = _STEEP_START / float(sharpness(teacher, student, weights))
    steps = int(_STEEP_LAST / (variance * lr**2))
    plan = make_plan(
        [student],
        teacher,
        SGD(lr=lr),
        steps=steps,
        batch=1,
        sampling="online",
        init=[weights],
        replicas=_STEEP_REPLICAS,
        seed=_STEEP_SEED,
        record=[steps],
    )
    _, healthy = recorded_weights(plan)
    return int(np.sum(~healthy))


_EXACT = Case(
    name="edge",
    title="At the edge of stability",
    claim="A finite learning rate stops sharpening before 2/η, where the theorem alone would "
    "lead beyond it.",
    found="By (4.8) with 15 labels of noise only: the largest eigenvalue wants to go from 4 to "
    "8.5, and 2/η is 6.",
    teacher=one_output_matters,
    students=lambda _: [EDLN(hidden=(1,))],
    start=balanced,
    training=Edge(EDGE_LR),
    slow_times=times(0.6, first=1.0 / 40.0),
    expected=(FALLS, RISES),
    full=FULL_EDGE,
    quick=QUICK_EDGE,
    seed=8000,
    note="Descent on the exact gradient with fresh label noise in every step; the limit is "
    "that of weak noise at this learning rate, not that of a small learning rate.",
)
_SINGLE_SAMPLES = Case(
    name="edge-single-samples",
    title="Near the edge of single samples",
    claim="With single samples the edge of stability is not at 2 but at 2/3, and sharpening is "
    "held back long before.",
    found="The problem of the case at the edge; by the drift at this learning rate.",
    teacher=one_output_matters,
    students=lambda _: [EDLN(hidden=(1,))],
    start=balanced,
    training=SingleSamples(SINGLE_LR),
    slow_times=times(0.6, first=1.0 / 40.0),
    expected=(FALLS, RISES),
    full=FULL_SINGLE,
    quick=QUICK_SINGLE,
    seed=8500,
    note="Here too the limit is that of weak noise at this learning rate.",
    facts=losses,
)
CASES = (_EXACT, _SINGLE_SAMPLES)
