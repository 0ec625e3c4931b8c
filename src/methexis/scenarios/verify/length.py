"""How long a run of `verify` is: sized from the relaxation spectrum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.checks import MethexisError
from methexis.core.edln import EDLN
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.scenarios.verify.result import RunLength
from methexis.schedules import cosine
from methexis.theory.flow import shuffle_factor
from methexis.theory.platonic import PlatonicSolution
from methexis.theory.relaxation import relaxation
from methexis.training.optimisers import SGD

#: The slowest mode's share of ``1 - alignment`` falls by this factor in a fitted run. More would
#: ask for larger learning rates in a run of the same length, and leave more jitter than it removes.
REDUCTION = 3e3
#: Last learning rate over the first.
FINAL_FACTOR = 1e-3


def run_length(
    source: Teacher | Samples,
    students: Sequence[EDLN],
    solutions: Sequence[PlatonicSolution],
    *,
    loss: str,
    sampling: str,
    batch: int,
    lr_times_sharpness: float,
    lr: float | None = None,
    steps: int | None = None,
) -> RunLength:
    """Size a run; ``lr`` and ``steps`` are the user's, if given.

    ``1 - alignment`` of the slowest mode falls as ``e^{-μτ/2}``; the run is long enough for a
    factor `REDUCTION`. A cosine schedule down to a small factor averages ``η²`` to 3/8 of its
    start.

    Raises
    ------
    MethexisError
        If the learning rate is above the edge of stability.
    """
    sharpest = max(s.sharpness for s in solutions)
    lr = lr_times_sharpness / sharpest if lr is None else lr
    if lr * sharpest >= 2.0:
        raise MethexisError(
            f"lr: expected lr < {2.0 / sharpest:.3g} (2 over the largest Hessian eigenvalue "
            f"{sharpest:.3g} at the Platonic point), got {lr:g}: gradient descent diverges there"
        )
    slowest = max(
        4.0 / relaxation(source, s, lr=lr, batch=batch, loss=loss).eigenvalues[0] for s in students
    )
    slowed = pace(source, sampling, batch)
    fitted = steps is None
    if steps is None:
        wanted = slowest / 2.0 * np.log(REDUCTION)
        steps = int(np.ceil(wanted / (lr**2 / batch * 3.0 / 8.0 * slowed) / 1000.0)) * 1000
    rates = SGD(lr, schedule=cosine(FINAL_FACTOR))
    total = rates.slow_time(np.array([steps]), steps, batch)[0] * slowed
    return RunLength(lr, FINAL_FACTOR, batch, steps, float(total), float(slowest), fitted)


def pace(source: Teacher | Samples, sampling: str, batch: int) -> float:
    """How much slower than its slow time a run moves: batches of an epoch are not independent."""
    if sampling != "shuffle" or not isinstance(source, Samples):
        return 1.0
    return shuffle_factor(source.num_samples, batch)
