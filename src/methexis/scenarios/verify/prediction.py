"""The path that theory predicts for a run of `verify`, from the same initial weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from methexis.core.checks import Array
from methexis.core.layers.geometry import cosines_of
from methexis.core.layers.products import hidden_maps
from methexis.core.problem import Problem
from methexis.scenarios.verify.length import pace
from methexis.scenarios.verify.result import Prediction
from methexis.scenarios.verify.settings import VerifySettings
from methexis.theory.curvature import batched_sharpness, trace_of
from methexis.theory.entropy import entropy_of
from methexis.theory.fixed_points.drift import drift_velocity
from methexis.theory.flow import entropic_velocity, integrate_slow
from methexis.theory.platonic import PlatonicSolution
from methexis.training.plan import Plan
from methexis.training.records.run import Run

#: Relative tolerance of the slow integrator; the curves are drawn, and compared to a per cent.
_RTOL = 1e-5


def follow(
    problems: Sequence[Problem], starts: Sequence[Sequence[Array]], times: Array, *, entropic: bool
) -> list[list[Array]]:
    """Weights of every student at slow ``times``: entropic flow, or else slow drift.

    ``starts`` are taken onto the minima first.
    """
    velocity = entropic_velocity if entropic else drift_velocity
    return [
        integrate_slow(
            problem, start, times, partial(velocity, problem), rtol=_RTOL, stabilised=True
        ).weights
        for problem, start in zip(problems, starts, strict=True)
    ]


def worst_pairs(problems: Sequence[Problem], weights: Sequence[Sequence[Array]]) -> Array:
    """Alignment of the least aligned two hidden layers of all students."""
    maps = [h for p, layers in zip(problems, weights, strict=True) for h in hidden_maps(p, layers)]
    return np.asarray(cosines_of(maps, problems[0].cov_x).min(axis=(-2, -1)))


def predict(
    settings: VerifySettings,
    plan: Plan,
    run: Run,
    control: Run,
    solutions: Sequence[PlatonicSolution],
) -> Prediction:
    """Follow the slow dynamics of the first replicas along the run's slow time.

    Shuffled epochs follow the entropic flow, slowed for batches drawn without replacement; i.i.d.
    samples follow the slow drift, which is the same flow if the noise is isotropic in the loss's
    metric. Both begin where gradient flow ends, which is what the control has found already.
    """
    times = np.asarray(run.data["slow_time"]) * pace(plan.source, settings.sampling, plan.batch)
    entropic = settings.sampling == "shuffle" or settings.predicts_platonic
    starts = control.weights
    if not control.healthy.all():
        starts = [[w[: settings.predicted] for w in layers] for layers in plan.start]
    paths = follow(plan.problems, starts, times, entropic=entropic)
    ratios, sharpness, traces = [], [], []
    for problem, path, solution in zip(plan.problems, paths, solutions, strict=True):
        ratios.append(entropy_of(problem, path) / solution.entropy)
        sharpness.append(batched_sharpness(problem, path, rtol=1e-4))
        traces.append(trace_of(problem, path))
    worst = worst_pairs(plan.problems, paths)
    return Prediction(
        name="entropic flow" if entropic else "slow drift",
        worst_pair=worst,
        entropy_ratio=np.stack(ratios, axis=-1),
        sharpness=np.stack(sharpness, axis=-1),
        hessian_trace=np.stack(traces, axis=-1),
        final_worst_pair=float(np.median(worst[-1])),
    )
