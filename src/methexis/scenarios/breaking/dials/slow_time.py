"""One clock for all batch sizes: on slow time their curves fall on one, and exact descent stays.

The other view of `batch`: the dial is slow time ``τ = η² t / B`` since the start, in relaxation
times of the slowest mode, and each curve is a batch size. Samples are drawn with replacement, so
that all of them are predicted to be on one path, that of the slow drift, whatever batch size and
learning rate. Exact descent on the whole data set takes the steps that batches of 6 take, and has
no force at all: from a minimum of the loss it does not move, and its layers stay as unlike as they
were.

Problems and starts are those of `batch`.
"""

from __future__ import annotations

from functools import partial

from methexis.scenarios.breaking.case import POWERS, Case
from methexis.scenarios.breaking.dials.batch import FULL, PROBLEMS, QUICK, path, started
from methexis.scenarios.breaking.settled import kernels_at
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.ensembles import Ensemble
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario

BATCHES = (1, 3, 6)
DIAL = Dial(
    "τ",
    "slow time since the start",
    (0.05, 0.1, 0.2, 0.4, 0.8),
    unit="relaxation times",
    least=1e-4,
)
#: Exact descent from a minimum does not move at any learning rate: nothing to allow for.
QUICK_EXACT = Effort((0.14,), 16, POWERS)


def _case(batch: int, sampling: str, number: int, relaxations: float) -> Case:
    problem = started(number)
    unit = problem.slow_time

    def at(small: float) -> Ensemble:
        return problem.seen(small, relaxations * unit, sampling, batch)

    if sampling == "full":
        return Case(kernels_at(problem.source, problem.students, problem.start), at)
    values = DIAL.fine if relaxations in DIAL.fine else (relaxations,)
    kernels = path(number, sampling, tuple(value * unit for value in values))
    return Case(kernels[relaxations * unit], at)


def _curve(name: str, batch: int, sampling: str, quick: Effort) -> Curve[Case]:
    return Curve(name, partial(_case, batch, sampling), FULL, quick)


SCENARIO = Scenario(
    name="slow-time",
    title="One clock for all batches",
    claim="On slow time τ = η²t/B the paths of all batch sizes fall on one; exact descent on the "
    "whole data set stays at its start.",
    dial=DIAL,
    problems=tuple(f"random problem, seed {seed}" for seed in PROBLEMS),
    curves=(
        *(_curve(f"B = {batch}", batch, "replace", QUICK) for batch in BATCHES),
        _curve("exact", BATCHES[-1], "full", QUICK_EXACT),
    ),
    limit="Exact as η → 0 at fixed slow time: measured at five learning rates and extrapolated.",
    seed=560_000,
)
