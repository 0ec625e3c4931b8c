"""(b') Fresh samples, anisotropic noise, whitened loss: SGD ends at the Platonic point.

The metric N = Σε⁻¹ of the whitened loss makes the noise isotropic in the effective problem, so the
drift of i.i.d. samples is the entropic flow (docs/theory.md §5.4). Start: balanced minima; burn-in
of 8 times the slowest time 4/μ = 0.17.

Fixed before the run and not changed after: all numbers below. Sizes come from a pilot with other
seeds that showed only how large the statistical errors are.
"""

from __future__ import annotations

import methexis as mx
from evidence.limits import platonic_limit
from evidence.outcome import Experiment, Outcome
from evidence.problems import random_whitenable
from evidence.simulate import Sweep


def run(quick: bool) -> Outcome:
    teacher, students = random_whitenable()
    sweep = Sweep(
        problem="random, whitened loss",
        source=teacher,
        students=students,
        sampling="online",
        start=mx.init.balanced(),
        lrs=(0.006, 0.0042, 0.003, 0.0021, 0.0015),
        replicas=(64,) * 5,
        slow_time=2.8,
        burn_in=1.4,
        snapshots=32,
        seed=10301,
        loss="whitened",
    )
    return platonic_limit(sweep.reduced(1, 16) if quick else sweep)


EXPERIMENT = Experiment(
    name="online_whitened",
    title="Fresh samples, anisotropic noise, whitened loss: the worst pair tends to 1",
    claim="The whitened loss makes anisotropic noise isotropic in its metric, so independent "
    "samples lead to the Platonic point again: the alignment of the worst pair of mean kernels "
    "tends to 1 as lr → 0.",
    run=run,
)
