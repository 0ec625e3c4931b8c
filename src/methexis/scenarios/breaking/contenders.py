"""Learning algorithms side by side: what each does with a setting, and what theory says of it.

A *setting* is two students, their data and the way these are drawn. A *contender* makes a case of
it: the optimiser of every learning rate, a start, a time, and the alignment that theory predicts.
What theory knows of a rule stands in one function each:

- SGD, momentum: the slow drift, of shuffled epochs the entropic flow (docs/theory.md §5);
- Adam, AdamW, RMSProp: docs/adaptive.md, at a fixed memory ``x``. With independent samples of
  uneven noise there may be no end, so the prediction is the mean over the path of the drift during
  the time of the run, from the least potential, where the run begins;
- SAM: the slow drift and the mean norm of a batch's gradient, at a fixed ``ρ/η``;
- exact gradients with label noise: the slow drift of that noise; without it nothing moves;
- sign: steps leave the normal space, weights diffuse, and theory is silent.

The learning rate is ``ε/λ``, where ``ε`` is the small parameter and ``λ`` the sharpness that the
rule meets: ``λ_max`` of the Hessian, or of ``D^{-1/2} H D^{-1/2}`` for rules that divide by ``D``;
for SAM ``(1 + ρ/η‖g_B‖) λ_max``, because its step uphill is ``ρ/‖g_B‖`` of a gradient and adds that
times ``λ`` to what a batch has (docs/adaptive.md §7.1). In shuffled epochs of ``N`` steps weights
also move by ``ηλN`` in an epoch, and ``λ`` counts ``N/6`` times where ``N`` is more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

import methexis.init as initialisers
from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.problem import Problem, theory_problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.scenarios.breaking.case import Case
from methexis.scenarios.breaking.settled import SNAPSHOTS, kernels_at
from methexis.scenarios.framework.ensembles import Ensemble, Start, window
from methexis.scenarios.framework.mean_kernels import joint_kernels
from methexis.theory.adaptive.ends import adaptive_fixed_point
from methexis.theory.adaptive.minimum import adaptive_minimum
from methexis.theory.adaptive.path import adaptive_drift
from methexis.theory.adaptive.slow import Metric
from methexis.theory.curvature import sharpness
from methexis.theory.fixed_points.decay import decay_fixed_point
from methexis.theory.fixed_points.drift import drift_fixed_point
from methexis.theory.fixed_points.steady import FixedPoint
from methexis.theory.gauge import random_minimum
from methexis.theory.label_noise import label_noise_fixed_point
from methexis.theory.sam import sam_fixed_point, sam_potential
from methexis.training.optimisers import (
    SAM,
    SGD,
    Adam,
    AdamW,
    RMSProp,
    SignSGD,
    UpdateRule,
)

#: ``x = (1-β₂)/η`` of adaptive rules, ``κ = γ/η`` of AdamW, ``ρ√B/η`` of SAM, ``β`` of momentum.
MEMORY, DECAY, REACH, MOMENTUM = 0.1, 0.1, 5.0, 0.9
#: Steps of an epoch that are as short as one.
SHORT = 6
#: Burn-in and window of averaging, in slowest relaxation times.
TIMES = (10.0, 3.0)
#: Of rules without relaxation times of their own: slow times, and steps of exact descent.
SIGN_TIMES, EXACT_STEPS = (15.0, 30.0), 1_000
#: Points that stand for the batches of samples of SAM, and for those of a teacher.
BATCHES, DRAWS = 2**17, 2**12
#: Spread of the random minima at which runs start.
SPREAD = 0.15
#: Relative tolerance of paths of the adaptive drift.
RTOL = 1e-4
#: Learning rate at which those are asked for: they depend on slow time alone.
_PATH_LR = 0.1

SIGN_SILENT = "steps of the sign leave the normal space, so that weights diffuse along the minima"


@dataclass(frozen=True, eq=False)
class Setting:
    """Two students, their data, and how these are drawn."""

    teacher: Teacher
    students: tuple[EDLN, ...]
    shuffled: Samples | None = None  # the data set of shuffled epochs; else samples are independent
    loss: str = "squared"

    @property
    def source(self) -> Teacher | Samples:
        """What runs are trained on."""
        return self.teacher if self.shuffled is None else self.shuffled

    @property
    def sampling(self) -> str:
        """How samples are drawn."""
        return "online" if self.shuffled is None else "shuffle"

    @property
    def even(self) -> bool:
        """Whether the noise of every student is even in the metric of its loss."""
        noises = [theory_problem(self.teacher, s, self.loss).cov_noise for s in self.students]
        return all(
            np.allclose(n, n[0, 0] * np.eye(len(n)), rtol=0, atol=1e-9 * n[0, 0]) for n in noises
        )

    def length(self, batch: int) -> float:
        """How many times `SHORT` steps an epoch has, if it is longer; else 1."""
        if self.shuffled is None:
            return 1.0
        return max(1.0, self.shuffled.num_samples / batch / SHORT)

    def stretch(self, forgetting: float) -> float:
        """How much slower a mean over past gradients makes shuffled epochs.

        Gradients of one epoch sum to zero, so that each is anticorrelated with those before it.
        With weights ``β^k`` of the past, slow time runs by ``1 - 2 β ν``, where ``(N-1) ν`` is the
        mean of ``(1-β^p)/(1-β)`` over the places ``p`` of an epoch of ``N`` (docs/adaptive.md §7).
        """
        if self.shuffled is None or forgetting == 0.0:
            return 1.0
        count = self.shuffled.num_samples
        before = (1.0 - forgetting ** np.arange(count)).mean() / (1.0 - forgetting)
        return float(1.0 / (1.0 - 2.0 * forgetting * before / (count - 1)))


@dataclass(frozen=True)
class Contender:
    """A learning algorithm, and what makes a case of it."""

    name: str
    case: Callable[[Setting], Case]


def _ensemble(
    setting: Setting,
    start: Start,
    sharpest: float,
    times: tuple[float, float],
    rule: Callable[[float], UpdateRule],
    batch: int = 1,
) -> Callable[[float], Ensemble]:
    """Ensembles at small parameters, looked at between two slow times."""
    seen = window(times[0], times[1], SNAPSHOTS)

    def at(small: float) -> Ensemble:
        return Ensemble(
            setting.source,
            setting.students,
            start,
            small / sharpest,
            seen,
            sampling=setting.sampling,
            loss=setting.loss,
            batch=batch,
            rule=rule,
        )

    return at


def _settled(
    setting: Setting,
    ends: list[FixedPoint],
    rule: Callable[[float], UpdateRule],
    *,
    sharpest: float | None = None,
    batch: int = 1,
    stretch: float = 1.0,
) -> Case:
    """Runs from random minima of their own to the ends that theory names."""
    weights = [end.weights for end in ends]
    slowest = stretch * max(end.slowest_time for end in ends)
    times = TIMES[0] * slowest, sum(TIMES) * slowest
    steepest = _sharpest(setting, weights) if sharpest is None else sharpest
    steepest *= setting.length(batch)
    return Case(
        kernels_at(setting.source, setting.students, weights, setting.loss),
        _ensemble(setting, initialisers.random_minima(SPREAD), steepest, times, rule, batch),
    )


def _sharpest(setting: Setting, weights: list[list[Array]]) -> float:
    return max(
        float(sharpness(setting.source, s, w, loss=setting.loss))
        for s, w in zip(setting.students, weights, strict=True)
    )


def _descent(momentum: float, setting: Setting) -> Case:
    """SGD, whose learning rate is meant to be ``η/(1-β)`` with momentum."""
    find = drift_fixed_point if setting.shuffled is None else partial(decay_fixed_point, decay=0.0)
    ends = [find(setting.source, s, loss=setting.loss) for s in setting.students]

    def rule(lr: float) -> UpdateRule:
        return SGD(lr * (1.0 - momentum), momentum=momentum)

    return _settled(setting, ends, rule, stretch=setting.stretch(momentum))


@cache
def adaptive_end(
    source: Teacher | Samples,
    student: EDLN,
    memory: float | None,
    decay: float,
    loss: str,
    *,
    shuffled: bool = False,
) -> FixedPoint:
    """End of an adaptive rule; sources and students are compared by identity."""
    return adaptive_fixed_point(
        source, student, memory=memory, shuffled=shuffled, decay=decay, loss=loss
    )


def adaptive_sharpness(
    source: Teacher | Samples, student: EDLN, weights: list[Array], loss: str = "squared"
) -> float:
    """Largest eigenvalue of ``D^{-1/2} H D^{-1/2}`` at weights on the minima."""
    metric = Metric(Problem.of(source, student, loss), weights)
    return 2.0 * float(metric.spectrum[0].max())


def _adaptive(
    make: Callable[[float, float], UpdateRule], decay: float, forgetting: float, setting: Setting
) -> Case:
    """A rule that divides by root mean squares; ``make`` takes learning rate and ``1-β₂``."""
    stretch = setting.stretch(forgetting)
    # A mean over past gradients slows the motion of short epochs, but not the decay beside it.
    steady = partial(adaptive_end, setting.source, decay=decay * stretch, loss=setting.loss)
    shuffled = setting.shuffled is not None
    held = shuffled or setting.even
    memory = MEMORY if held else None
    ends = [steady(s, memory=memory, shuffled=shuffled) for s in setting.students]
    sharpest = max(
        adaptive_sharpness(setting.source, s, end.weights, setting.loss)
        for s, end in zip(setting.students, ends, strict=True)
    )

    def rule(lr: float) -> UpdateRule:
        return make(lr, MEMORY * lr)

    if held:
        return _settled(setting, ends, rule, sharpest=sharpest, stretch=stretch)
    slowest = max(end.slowest_time for end in ends)
    times = TIMES[0] * slowest, sum(TIMES) * slowest
    start, predicted = along_drift(setting, MEMORY, decay, times)
    return Case(predicted, _ensemble(setting, start, sharpest, times, rule))


@cache
def along_drift(
    setting: Setting, memory: float, decay: float, times: tuple[float, float]
) -> tuple[list[list[Array]], tuple[Array, ...]]:
    """Least potentials, and mean kernels of the drift from there in a window.

    Settings are compared by identity.
    """
    steps = np.rint(np.array(window(*times, SNAPSHOTS)) / _PATH_LR**2).astype(int).tolist()
    start, kernels = [], []
    problems = [theory_problem(setting.source, s, setting.loss) for s in setting.students]
    for student in setting.students:
        least = adaptive_minimum(setting.source, student, loss=setting.loss).weights
        path = adaptive_drift(
            setting.source,
            student,
            least,
            lr=_PATH_LR,
            beta2=1.0 - memory * _PATH_LR,
            steps=steps,
            decay=decay,
            loss=setting.loss,
            rtol=RTOL,
        )
        start.append(least)
        kernels.append(path.weights)
    joint = joint_kernels(setting.source, setting.students, problems, kernels)
    return start, tuple(k.mean(axis=0) for k in joint)


def _sharpness_aware(batch: int, setting: Setting) -> Case:
    if setting.shuffled is not None and setting.shuffled.num_samples < batch:
        setting = replace(setting, shuffled=setting.teacher.product_samples(4, 8, seed=0))
    reach = REACH / math.sqrt(batch)  # as the norm of a batch's gradient: forces in one proportion
    draws = DRAWS if setting.shuffled is None else BATCHES
    ends = [
        sam_fixed_point(
            setting.source,
            s,
            reach=reach,
            batch=batch,
            independent=setting.shuffled is None,
            loss=setting.loss,
            draws=draws,
        )
        for s in setting.students
    ]

    def rule(lr: float) -> UpdateRule:
        return SAM(lr, rho=reach * lr)

    source, loss = setting.source, setting.loss
    norms = [
        float(sam_potential(source, s, end.weights, batch=batch, loss=loss))
        for s, end in zip(setting.students, ends, strict=True)
    ]
    met = max(
        (1.0 + reach / norm) * float(sharpness(source, s, end.weights, loss=loss))
        for norm, s, end in zip(norms, setting.students, ends, strict=True)
    )
    return _settled(setting, ends, rule, sharpest=met, batch=batch)


def _full_batch(setting: Setting) -> Samples:
    """The data set whose exact gradient is taken."""
    if setting.shuffled is not None:
        return setting.shuffled
    return setting.teacher.product_samples(2, 3, seed=0)


def _label_noise(setting: Setting) -> Case:
    ends = [
        label_noise_fixed_point(setting.teacher, s, loss=setting.loss) for s in setting.students
    ]
    weights = [end.weights for end in ends]
    data, slowest = _full_batch(setting), max(end.slowest_time for end in ends)
    seen = window(TIMES[0] * slowest, sum(TIMES) * slowest, SNAPSHOTS)
    # As much in the mean over the data as the labels' own noise is in one sample.
    power = data.num_samples * float(np.trace(setting.teacher.cov_noise)) / setting.teacher.dim_y
    sharpest = _sharpest(setting, weights)

    def at(small: float) -> Ensemble:
        return Ensemble(
            data,
            setting.students,
            initialisers.random_minima(SPREAD),
            small / sharpest,
            seen,
            sampling="full",
            loss=setting.loss,
            batch=data.num_samples,
            label_noise=math.sqrt(power),
        )

    return Case(kernels_at(setting.teacher, setting.students, weights, setting.loss), at)


def _exact(setting: Setting) -> Case:
    """Exact descent from one minimum per student, where it stays."""
    start = [
        random_minimum(setting.source, s, seed=k, spread=SPREAD, loss=setting.loss)
        for k, s in enumerate(setting.students)
    ]
    data, sharpest = _full_batch(setting), _sharpest(setting, start)

    def at(small: float) -> Ensemble:
        lr = small / sharpest
        seen = (EXACT_STEPS * lr**2 / data.num_samples,)
        return Ensemble(
            data, setting.students, start, lr, seen,
            sampling="full", loss=setting.loss, batch=data.num_samples,
        )  # fmt: skip

    return Case(kernels_at(setting.source, setting.students, start, setting.loss), at)


def _sign(setting: Setting) -> Case:
    least = [
        adaptive_minimum(setting.source, s, loss=setting.loss).weights for s in setting.students
    ]
    sharpest = max(
        adaptive_sharpness(setting.source, s, w, setting.loss)
        for s, w in zip(setting.students, least, strict=True)
    )
    at = _ensemble(setting, initialisers.random_minima(SPREAD), sharpest, SIGN_TIMES, SignSGD)
    return Case((), at, SIGN_SILENT)


def _adam(lr: float, rest: float) -> UpdateRule:
    return Adam(lr, beta2=1.0 - rest)


def _adamw(lr: float, rest: float) -> UpdateRule:
    return AdamW(lr, beta2=1.0 - rest, weight_decay=DECAY * lr)


def _rmsprop(lr: float, rest: float) -> UpdateRule:
    return RMSProp(lr, beta2=1.0 - rest)


CONTENDERS = (
    Contender("SGD", partial(_descent, 0.0)),
    Contender("momentum", partial(_descent, MOMENTUM)),
    Contender("Adam", partial(_adaptive, _adam, 0.0, 0.9)),
    Contender("AdamW", partial(_adaptive, _adamw, DECAY, 0.9)),
    Contender("RMSProp", partial(_adaptive, _rmsprop, 0.0, 0.0)),
    Contender("sign", _sign),
    Contender("SAM, B = 1", partial(_sharpness_aware, 1)),
    Contender("SAM, B = 16", partial(_sharpness_aware, 16)),
    Contender("label noise", _label_noise),
    Contender("exact", _exact),
)
