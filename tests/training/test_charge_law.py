"""The laws of the charges along real runs, path by path: what a simulator may not get wrong.

The reference engine takes the steps; see `charge_paths`. Numbers in brackets are equations of
docs/theory.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.layers.charges import charges, conserved_part, update_charge_step
from tests.training.charge_paths import (
    EXACT,
    RULES,
    SEED,
    SETTINGS,
    by_law,
    follow,
    sgd_of,
    worst,
)
from tests.training.laws import LAWLESS, Law
from tests.training.perceptron import SLOPES


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_law(
    slow_sgd: Any,
    students: list[mx.EDLN],
    teacher: mx.Teacher,
    data: mx.Samples,
    rule: Any,
    setting: dict[str, Any],
) -> None:
    """(2.8), (2.9), (2.10), (2.16), whatever the samples, the noise and the loss."""
    exact = setting == SETTINGS["full batch"]
    source = teacher if setting["sampling"] == "online" or exact else data
    steps = follow(slow_sgd, students[1], source, rule, **setting)
    start = steps[0][0].weights
    predicted = by_law(Law(rule, start, bias=False), steps)
    assert worst(steps, predicted, bias=False, part=None) < EXACT
    # The second order is there: without it the charges would only decay.
    quiet = [(replace(s, gradient=[0 * g for g in s.gradient]), lr) for s, lr in steps]
    decaying = by_law(Law(sgd_of(rule), start, bias=False), quiet)
    assert worst(steps, decaying, bias=False, part=None) > 1e-6
    if rule.kind != "sgd":  # and the law of plain SGD is not the law
        plain = by_law(Law(sgd_of(rule), start, bias=False), steps)
        assert worst(steps, plain, bias=False, part=None) > 1e-6


@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("loss", ["squared", "cross_entropy"])
@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_law_with_biases_and_activations(
    slow_sgd: Any, rule: Any, activation: str, loss: str, bias: bool
) -> None:
    """The same with (2.14): all of it, on the diagonal only, or not at all."""
    generator = np.random.default_rng(3)
    x, y = generator.standard_normal((11, 3)), generator.standard_normal((11, 2))
    if loss == "cross_entropy":
        y = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    student = mx.MLP(hidden=(4, 3), activation=activation, bias=bias)
    steps = follow(slow_sgd, student, mx.Samples(x, y), rule, sampling="shuffle", loss=loss)
    predicted = by_law(Law(rule, steps[0][0].weights, bias=bias), steps)
    part = conserved_part(activation)
    if part is not None:
        assert worst(steps, predicted, bias=bias, part=part) < EXACT
    if part != "matrix":
        # What is left is of first order: twenty steps of 0.002 or more, at least a hundredth of it.
        rest = None if part == "diagonal" else "diagonal"
        assert worst(steps, predicted, bias=bias, part=rest) > 1e-4


@pytest.mark.parametrize("rule", LAWLESS.values(), ids=LAWLESS)
def test_without_a_law(slow_sgd: Any, teacher: mx.Teacher, rule: Any) -> None:
    """(2.7) holds at every step, being an identity, and needs the weights; (2.8) fails."""
    student = mx.EDLN(hidden=(3, 5, 2))
    steps = follow(slow_sgd, student, teacher, rule, sampling="online")
    told = [
        update_charge_step(
            charges(step.weights), step.weights, step.update, lr=lr,
            weight_decay=rule.weight_decay,
        )
        for step, lr in steps
    ]  # fmt: skip
    assert worst(steps, told, bias=False, part=None) < EXACT
    moved = [(replace(s, gradient=s.update), lr) for s, lr in steps]  # u in place of G
    plain = by_law(Law(sgd_of(rule), steps[0][0].weights, bias=False), moved)
    # Of first order: twenty steps of 0.003 or more, at least a hundredth of it.
    assert worst(steps, plain, bias=False, part=None) > 1e-3


def test_gradient_flow_conserves_charges(students: list[mx.EDLN], teacher: mx.Teacher) -> None:
    rtol = 1e-10
    run = mx.train(
        students, teacher, mx.GradientFlow(lr=0.01, rtol=rtol), steps=10_000, replicas=3, seed=SEED
    )
    for k in range(2):
        for c in charges(run.snapshots(k)):
            # Each of some 10² integrator steps errs by up to rtol, about half of them upwards.
            assert np.abs(c - c[0]).max() < 100 * rtol
        start = run.snapshots(k)[0]
        assert np.abs(start[-1] - start[0]).max() > 0.1  # while the weights have moved
    loss = run.data["loss"].values
    assert (np.diff(loss, axis=0) <= 1e-9 * loss[:-1]).all()  # descent, to the tolerance


def test_gradient_flow_ends_where_the_projection_does(
    students: list[mx.EDLN], teacher: mx.Teacher
) -> None:
    run = mx.train(students, teacher, mx.GradientFlow(lr=0.05), steps=20_000, seed=SEED)
    for k, student in enumerate(students):
        projected = mx.theory.project(teacher, student, [w[0] for w in run.snapshots(k)])
        # Only the kernels of hidden layers agree (the projection is up to rotations); what is left
        # of the flow, rtol = 1e-10 of its speed, is divided by the smallest curvature, above 1e-3.
        end, target = run.weights[k], projected
        for _ in range(student.depth - 1):
            h, p = end[0][0], target[0][0]
            assert np.abs(h.T @ h - p.T @ p).max() < 1e-5
            end = [end[1] @ end[0], *end[2:]]
            target = [target[1] @ target[0], *target[2:]]
