"""The path that theory predicts for a run of `verify`, from the same initial weights."""

from __future__ import annotations

from functools import partial

import numpy as np

from methexis.core.checks import Array
from methexis.core.geometry import gram_cosines
from methexis.core.products import hidden_maps
from methexis.core.samples import Samples
from methexis.scenarios.verify.result import Prediction
from methexis.scenarios.verify.settings import VerifySettings
from methexis.theory.curvature import batched_sharpness, trace_of
from methexis.theory.drift import drift_velocity
from methexis.theory.entropy import entropy_of
from methexis.theory.flow import entropic_velocity, integrate_slow, shuffle_factor
from methexis.theory.platonic import PlatonicSolution
from methexis.training.plan import Plan
from methexis.training.run import Run

#: Relative tolerance of the slow integrator; the curves are drawn, and compared to a per cent.
_RTOL = 1e-6


def predict(
    settings: VerifySettings, plan: Plan, run: Run, solutions: list[PlatonicSolution]
) -> Prediction:
    """Follow the slow dynamics of every replica along the run's slow time.

    Shuffled epochs follow the entropic flow, slowed for batches drawn without replacement; i.i.d.
    samples follow the slow drift, which is the same flow if the noise is isotropic in the loss's
    metric.
    """
    times = np.asarray(run.data["slow_time"])
    shuffled = settings.sampling == "shuffle"
    if shuffled and isinstance(plan.source, Samples):
        times = times * shuffle_factor(plan.source.num_samples, plan.batch)
    entropic = shuffled or settings.predicts_platonic
    maps: list[Array] = []
    ratios, sharpness, traces = [], [], []
    for problem, start, solution in zip(plan.problems, plan.start, solutions, strict=True):
        velocity = partial(entropic_velocity if entropic else drift_velocity, problem)
        path = integrate_slow(problem, start, times, velocity, rtol=_RTOL)
        maps += hidden_maps(problem, path.weights)
        ratios.append(entropy_of(problem, path.weights) / solution.entropy)
        sharpness.append(batched_sharpness(problem, path.weights, rtol=1e-4))
        traces.append(trace_of(problem, path.weights))
    cosines = gram_cosines(maps, plan.problems[0].cov_x)
    worst = cosines.min(axis=(-2, -1))
    return Prediction(
        name="entropic flow" if entropic else "slow drift",
        worst_pair=worst,
        entropy_ratio=np.stack(ratios, axis=-1),
        sharpness=np.stack(sharpness, axis=-1),
        hessian_trace=np.stack(traces, axis=-1),
        final_worst_pair=float(np.median(worst[-1])),
    )
