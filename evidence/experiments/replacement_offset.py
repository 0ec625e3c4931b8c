"""(c) A data set drawn with replacement, anisotropic noise: the offset is the slow drift's.

As `online_offset`, on product designs (their moments are exact, so the prediction for the data is
that for the teacher) drawn with replacement. `shuffled_product` runs the same kind of data in
shuffled epochs and finds no offset: only the order of samples differs. For start, burn-in and fit
see `online_offset`.

Fixed before the run and not changed after: all numbers below. Sizes are those of `online_offset`.
"""

from __future__ import annotations

import methexis as mx
from evidence.experiments.online_offset import EXPLICIT_RATES, RANDOM_RATES, REPLICAS
from evidence.limits import merged, offsets
from evidence.outcome import Experiment, Outcome
from evidence.problems import explicit_instance, random_anisotropic
from evidence.simulate import Sweep


def run(quick: bool) -> Outcome:
    teacher, students = explicit_instance()
    data = teacher.product_samples(num_x=4, num_noise=5, seed=0)
    explicit = Sweep(
        problem="explicit instance",
        source=data,
        students=students,
        sampling="replace",
        start=mx.init.balanced(),
        lrs=EXPLICIT_RATES,
        replicas=(REPLICAS,) * 5,
        slow_time=18.9,
        burn_in=9.45,
        snapshots=40,
        seed=10501,
    )
    teacher, students = random_anisotropic()
    data = teacher.product_samples(num_x=6, num_noise=8, seed=0)
    random = Sweep(
        problem="random problem",
        source=data,
        students=students,
        sampling="replace",
        start=mx.init.balanced(),
        lrs=RANDOM_RATES,
        replicas=(REPLICAS,) * 5,
        slow_time=1.81,
        burn_in=0.905,
        snapshots=40,
        seed=10511,
    )
    if quick:
        return offsets(random.reduced(1, 16), layers=False)
    return merged(offsets(explicit, layers=True), offsets(random, layers=False))


EXPERIMENT = Experiment(
    name="replacement_offset",
    title="Data drawn with replacement, anisotropic noise: the offset is the slow drift's",
    claim="Drawing a data set with replacement is independent sampling: as lr → 0, 1 - A tends to "
    "its value at the slow drift's fixed point, on the data whose shuffled epochs leave no offset.",
    run=run,
)
