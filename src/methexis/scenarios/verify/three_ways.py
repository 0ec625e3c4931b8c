"""How samples are drawn decides: one problem with anisotropic noise, trained in three ways.

With noise that is stronger in some directions than in others, independent samples leave an offset
from the Platonic point that no learning rate takes away; shuffled epochs of *the same samples*, or
independent ones with errors measured in units of the noise, leave none (docs/theory.md §5). All
three start from the same weights and are compared with their own path: the slow drift for the
first, the entropic flow for the others.

The problem is small, so that its data set is, too: all pairs of two inputs and three noises. Epochs
then are short even at a learning rate that gets somewhere, which is what the theory of shuffling
asks for. The teacher is the explicit instance of docs/theory.md §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.init import gaussian
from methexis.progress import Silent
from methexis.scenarios.verify.length import run_length
from methexis.scenarios.verify.prediction import follow, worst_pairs
from methexis.scenarios.verify.result import Way
from methexis.scenarios.verify.settings import VerifySettings
from methexis.schedules import cosine
from methexis.theory.platonic import platonic
from methexis.theory.projection import project_of
from methexis.training.optimisers import SGD
from methexis.training.plan import make_plan
from methexis.training.train import run_plan

#: Condition number of the students' embeddings and views.
CONDITION = 2.0
#: Replicas of each way; all of them are predicted.
MOST_REPLICAS = 16
#: Standard deviation of initial weights, times ``sqrt(fan-in)``.
_INIT_SCALE = 0.7
#: Recorded steps, and the first of them as a part of all.
_NUM_RECORDS, _FIRST_RECORD = 36, 1e-4


@dataclass(frozen=True)
class _Choice:
    name: str
    sampling: str
    loss: str
    lr_times_sharpness: float


#: Whitening makes the loss steep along directions of little noise: a larger learning rate in units
#: of its sharpness does no harm, and saves steps.
CHOICES = (
    _Choice("i.i.d.", "replace", "squared", 0.1),
    _Choice("shuffled", "shuffle", "squared", 0.1),
    _Choice("whitened", "replace", "whitened", 0.25),
)


def teacher() -> Teacher:
    """Two inputs, two labels, noise of condition number 25 at an angle to the signal."""
    return Teacher([[1.0, 1.0], [0.0, 0.5]], cov_noise=np.diag([0.04, 1.0]))


def samples() -> Samples:
    """All pairs of two inputs and three noises: the teacher's moments hold exactly."""
    return teacher().product_samples(num_x=2, num_noise=3, seed=0)


def students() -> list[EDLN]:
    """Two students, of depths 3 and 4, in different embeddings and views."""
    return [
        EDLN.random(teacher(), hidden, condition=CONDITION, seed=7 + k)
        for k, hidden in enumerate(((4, 3), (3, 5, 4)))
    ]


def train_three_ways(settings: VerifySettings) -> list[Way]:
    """Train and predict all of `CHOICES`; of the settings, replicas (up to 16) and steps count."""
    source, both = samples(), students()
    starts: dict[str, Sequence[Sequence[Array]]] = {}
    ways = []
    for choice in CHOICES:
        solutions = [platonic(source, s, loss=choice.loss) for s in both]
        length = run_length(
            source,
            both,
            solutions,
            loss=choice.loss,
            sampling=choice.sampling,
            batch=1,
            lr_times_sharpness=choice.lr_times_sharpness,
            steps=settings.steps,
        )
        plan = make_plan(
            both,
            source,
            SGD(length.lr, schedule=cosine(length.final_factor)),
            steps=length.steps,
            batch=1,
            sampling=choice.sampling,
            loss=choice.loss,
            init=gaussian(_INIT_SCALE),
            replicas=min(settings.replicas, MOST_REPLICAS),
            seed=settings.seed,
            dtype="float32",
            record=_recorded(length.steps),
            measure="projection",
        )
        run = run_plan(plan, Silent(), None)
        if choice.loss not in starts:
            starts[choice.loss] = [
                project_of(p, [w.astype(np.float64) for w in layers])
                for p, layers in zip(plan.problems, plan.start, strict=True)
            ]
        entropic = choice.sampling == "shuffle" or choice.loss == "whitened"
        times = np.asarray(run.data["slow_time"])
        paths = follow(plan.problems, starts[choice.loss], times, entropic=entropic)
        ways.append(
            Way(
                name=choice.name,
                sampling=choice.sampling,
                loss=choice.loss,
                length=length,
                run=run,
                predicted_by="entropic flow" if entropic else "slow drift",
                predicted=worst_pairs(plan.problems, paths),
            )
        )
    return ways


def _recorded(steps: int) -> NDArray[np.int64]:
    """Steps to record: the start, and where slow things happen."""
    late = np.geomspace(max(1.0, _FIRST_RECORD * steps), steps, _NUM_RECORDS)
    return np.unique(np.concatenate([[0.0], np.round(late)])).astype(np.int64)
