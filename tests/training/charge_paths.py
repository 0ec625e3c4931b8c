"""Paths of an engine with what every step was made of, for the laws of the charges.

An engine takes the steps. The gradients at the weights that it reaches, the velocities and the
points uphill are those of the tests' plain loops; the laws are those of
`methexis.core.layers.charges`, and never look at the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import methexis as mx
from methexis.core.checks import Array
from methexis.core.layers.charges import charges
from methexis.training.engines.choice import Engine
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.plan import make_plan
from tests.training.laws import LAWFUL, Law
from tests.training.loops import SlowRule, Step
from tests.training.perceptron import Net

STEPS = 20
SEED = 11
REPLICA = 2
BATCH = 2

# C is a sum of squares of weights of order 1, each step rounds it to 2⁻⁵³ a few times, and errors
# of 20 steps add up at random: below 1e-14 of |W|². The bound is the one that theory.md promises.
EXACT = 1e-12

#: The rules with a law, slow enough for every problem here, with a schedule.
RULES = {
    name: replace(rule, lr=rule.lr / 10, schedule=mx.schedules.cosine(0.1))
    for name, rule in LAWFUL.items()
}
SETTINGS: dict[str, dict[str, Any]] = {
    "online": {"sampling": "online"},
    "whitened": {"sampling": "online", "loss": "whitened"},
    "running whitening": {"sampling": "online", "loss": "whitened_running"},
    "label noise": {"sampling": "online", "label_noise": 0.6},
    "shuffle": {"sampling": "shuffle"},
    "replace": {"sampling": "replace"},
    "full batch": {"sampling": "full"},
    "full batch, label noise": {"sampling": "full", "label_noise": 0.6},
}


def start_of(shapes: Sequence[tuple[int, int]], scale: float) -> list[Array]:
    generator = np.random.default_rng(SEED)
    return [scale * generator.standard_normal(shape) for shape in shapes]


def follow(
    slow_sgd: Any,
    student: Any,
    source: Any,
    rule: Any,
    *,
    sampling: str,
    loss: str = "squared",
    label_noise: float = 0.0,
    engine: type[Engine] = ReferenceEngine,
    batch: int = BATCH,
    scale: float = 0.6,
) -> list[tuple[Step, float]]:
    """Steps of the engine, with learning rates: made of what the loops say, up to where it came."""
    bias = getattr(student, "bias", False)
    widths = (*student.hidden, source.dim_y)
    shapes = list(zip(widths, (c + bias for c in (source.dim_x, *widths)), strict=False))
    start = start_of(shapes, scale)
    plan = make_plan(
        student, source, rule, steps=STEPS, batch=batch, sampling=sampling, paired=True, loss=loss,
        init=[start], replicas=[REPLICA], seed=SEED, dtype="float64", record=[0], engine="auto",
        label_noise=label_noise,
    )  # fmt: skip
    engine_of_plan = engine(plan)
    state = engine_of_plan.start()
    known = "squared" if loss in ("whitened_running", "cross_entropy") else loss
    slow = slow_sgd(
        student, source, rule, start, steps=STEPS, batch=batch, sampling=sampling, loss=known,
        label_noise=label_noise, replica=REPLICA, seed=SEED,
    )  # fmt: skip
    memory = SlowRule(rule, start)
    found = []
    for t in range(STEPS):
        slow.at = t
        if loss == "whitened_running":
            cov = state.residual_cov[0][0]
            slow.metric = np.linalg.inv(cov + 1e-6 * np.trace(cov) / len(cov) * np.eye(len(cov)))
        at: Callable[..., list[Array]] = slow.gradients_at
        if isinstance(student, mx.MLP):
            samples = list(slow.samples())
            at = Net(
                student.activation, bias, loss,
                np.array([x for _, x, _ in samples]), np.array([y for _, _, y in samples]),
            ).gradients  # fmt: skip
        step = memory.step([w[0].copy() for w in state.weights[0]], at, slow.rate())
        engine_of_plan.advance(state, t + 1)
        found.append((replace(step, after=[w[0].copy() for w in state.weights[0]]), slow.rate()))
    return found


def worst(
    steps: list[tuple[Step, float]], predicted: list[list[Array]], *, bias: bool, part: str | None
) -> float:
    """Largest deviation of the charges of a path, relative to the squared weights."""
    deviations = []
    for (step, _), expected in zip(steps, predicted, strict=True):
        scale = max(float(np.sum(w**2)) for w in step.after)
        for c, e in zip(charges(step.after, bias=bias), expected, strict=True):
            difference = np.abs(c - e)
            if part == "diagonal":
                difference = np.diagonal(difference)
            deviations.append(difference.max() / scale)
    return max(deviations)


def by_law(law: Law, steps: list[tuple[Step, float]]) -> list[list[Array]]:
    return [law.follow(step, lr) for step, lr in steps]


def sgd_of(rule: Any) -> mx.SGD:
    """The rule of the plain law, with the same decays."""
    return mx.SGD(lr=rule.lr, weight_decay=rule.weight_decay, l2=rule.l2)
