"""The law of the charges for every optimiser, activation function and bias, path by path.

Networks, gradients and optimisers are plain loops of the tests' own; the package only states the
laws. Numbers in brackets are equations of docs/theory.md.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.charges import (
    charges,
    conserved_part,
    heavy_ball_charge_step,
    mixed_charges,
    nesterov_charge_step,
    scaled_charges,
    update_charge_step,
)
from methexis.training.optimisers import SAM, Adam, RMSProp, SignSGD
from tests.training.laws import LAWFUL, Law
from tests.training.loops import SlowRule, Step
from tests.training.perceptron import SLOPES, Net

SEED = 20250704
DIMS = (3, 5, 4, 2)
STEPS = 25
# Weights are of order one and a step adds a few products of them: 1e-12 of their squares is 1e4
# roundings, and 25 steps add less than 1e3.
EXACT = 1e-12

LAWFUL_ACTIVATIONS = ("identity", "relu", "leaky_relu")


def start(bias: bool, seed: int = SEED) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [
        generator.standard_normal((b, a + bias)) / math.sqrt(a) for a, b in itertools.pairwise(DIMS)
    ]


def labels(generator: np.random.Generator, loss: str) -> np.ndarray:
    values = generator.standard_normal((3, DIMS[-1]))
    if loss == "cross_entropy":
        values = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    return values


def path(
    rule: Any, activation: str, *, bias: bool, loss: str = "squared", steps: int = STEPS
) -> list[tuple[Step, float, Net]]:
    """Steps of a rule with fresh samples and a falling learning rate."""
    generator = np.random.default_rng(SEED + 1)
    weights = start(bias)
    slow = SlowRule(rule, weights)
    found = []
    for t in range(steps):
        net = Net(
            activation, bias, loss, generator.standard_normal((3, DIMS[0])),
            labels(generator, loss),
        )  # fmt: skip
        lr = rule.lr * (1 - 0.5 * t / steps)
        step = slow.step(weights, net.gradients, lr)
        weights = step.after
        found.append((step, lr, net))
    return found


def deviation(found: list[np.ndarray], expected: list[np.ndarray], part: str | None) -> float:
    """Largest difference of two lists of charges, on the diagonal, off it, or anywhere."""
    largest = 0.0
    for a, b in zip(found, expected, strict=True):
        difference = np.abs(a - b)
        if part == "diagonal":
            difference = np.diagonal(difference)
        elif part == "off":
            difference = difference - np.diag(np.diagonal(difference))
        largest = max(largest, float(difference.max()))
    return largest


def scale_of(weights: list[np.ndarray]) -> float:
    return float(sum(np.sum(w**2) for w in weights))


@pytest.mark.parametrize("loss", ["squared", "cross_entropy"])
@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("activation", LAWFUL_ACTIVATIONS)
@pytest.mark.parametrize("rule", LAWFUL.values(), ids=LAWFUL)
def test_law(rule: Any, activation: str, bias: bool, loss: str) -> None:
    """(2.8), (2.9), (2.10), (2.16), each with (2.14); on the diagonal after a ReLU."""
    part = conserved_part(activation)
    steps = path(rule, activation, bias=bias, loss=loss)
    law = Law(rule, steps[0][0].weights, bias=bias)
    off = 0.0
    for step, lr, _ in steps:
        expected = law.follow(step, lr)
        found = charges(step.after, bias=bias)
        assert deviation(found, expected, part) < EXACT * scale_of(step.after)
        off = max(off, deviation(found, expected, "off"))
    if part == "diagonal":
        assert off > 1e-4  # and only there: off it the first order, 25 steps of 0.02, is not zero
    moved = deviation(charges(steps[-1][0].after, bias=bias), charges(start(bias), bias=bias), None)
    assert moved > 1e-3  # the law was not tested at rest


@pytest.mark.parametrize("rule", LAWFUL.values(), ids=LAWFUL)
def test_every_term_of_the_law_is_needed(rule: Any) -> None:
    """Its failure: with a hyper-parameter of the law put to zero the path is missed."""
    steps = path(rule, "identity", bias=True)
    for name in ("weight_decay", "l2", "momentum", "rho"):
        if getattr(rule, name, 0.0) == 0.0:
            continue
        changed = Law(rule, steps[0][0].weights, bias=True)
        changed.rule = _Without(rule, name)
        for step, lr, _ in steps:
            expected = changed.follow(step, lr)
        assert deviation(charges(steps[-1][0].after, bias=True), expected, None) > 1e-3


class _Without:
    def __init__(self, rule: Any, name: str) -> None:
        self._rule, self._name = rule, name

    def __getattr__(self, name: str) -> Any:
        return 0.0 if name == self._name else getattr(self._rule, name)


@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("activation", SLOPES)
def test_what_takes_the_place_of_the_law_after_an_activation(activation: str, bias: bool) -> None:
    """(2.15), the whole matrix: zero, zero on the diagonal, or neither."""
    value, slope = SLOPES[activation]
    step, lr, net = path(mx.SGD(lr=0.05), activation, bias=bias, steps=1)[0]
    source = [np.zeros_like(c) for c in charges(step.weights, bias=bias)]
    for errors, sums, _ in net.per_sample(step.weights):
        for i, (error, z) in enumerate(zip(errors, sums, strict=True)):
            for j, k in np.ndindex(source[i].shape):
                term = error[j] * (value(z[k]) - slope(z[j]) * z[k])
                source[i][j, k] += term / len(net.inputs)
    mixed = mixed_charges(step.weights, step.gradient, bias=bias)
    size = scale_of(step.weights)
    assert deviation(mixed, source, None) < EXACT * size
    # ... and with it (2.7) is the change of the charges.
    after = [
        c - lr * (x + x.T) + lr**2 * q
        for c, x, q in zip(
            charges(step.weights, bias=bias), source, charges(step.gradient, bias=bias), strict=True
        )
    ]
    assert deviation(charges(step.after, bias=bias), after, None) < EXACT * size
    zeros = [np.zeros_like(x) for x in mixed]
    part = conserved_part(activation)
    if part is not None:
        assert deviation(mixed, zeros, part) < EXACT * size
    if part != "matrix":
        broken = "off" if part == "diagonal" else "diagonal"
        assert deviation(mixed, zeros, broken) > 1e-3


def change(rule: Any, lr: float, activation: str = "identity") -> float:
    """How far five steps of the same samples move the charges, on the diagonal."""
    generator = np.random.default_rng(SEED + 2)
    weights = start(bias=True)
    slow = SlowRule(rule, weights)
    for _ in range(5):
        net = Net(
            activation, True, "squared",
            generator.standard_normal((3, DIMS[0])), generator.standard_normal((3, DIMS[-1])),
        )  # fmt: skip
        weights = slow.step(weights, net.gradients, lr).after
    return deviation(charges(weights, bias=True), charges(start(bias=True), bias=True), "diagonal")


ORDERS = [
    (mx.SGD(lr=1), "identity", 2), (mx.SGD(lr=1), "leaky_relu", 2), (mx.SGD(lr=1), "tanh", 1),
    (mx.SGD(lr=1), "gelu", 1), (mx.SGD(lr=1), "softplus", 1),
    (mx.SGD(lr=1, momentum=0.8), "identity", 2), (mx.SGD(lr=1, momentum=0.8), "relu", 2),
    (mx.SGD(lr=1, momentum=0.8, nesterov=True), "identity", 2),
    (SAM(lr=1, rho=0.1), "identity", 1), (SAM(lr=1, rho=0.1), "relu", 1),
    (Adam(lr=1), "identity", 1), (RMSProp(lr=1), "identity", 1), (SignSGD(lr=1), "identity", 1),
    (Adam(lr=1), "relu", 1), (RMSProp(lr=1), "relu", 1), (SignSGD(lr=1), "relu", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "activation", "order"), ORDERS, ids=[f"{r.kind}, {a}" for r, a, _ in ORDERS]
)
def test_order_of_the_change(rule: Any, activation: str, order: int) -> None:
    """The charges move as η^order: where the first order cancels, and where it does not."""
    # At η = 1e-5 the next order is 1e-4 of this one; steps of Adam and RMSProp are up to ten times
    # larger, and the rounding of charges of order one is 1e-16/η² of the second order, 1e-6.
    ratio = change(rule, 2e-5, activation) / change(rule, 1e-5, activation)
    assert math.log2(ratio) == pytest.approx(order, abs=0.01)


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
@pytest.mark.parametrize(
    "rule",
    [
        Adam(lr=0.01, weight_decay=2.0, l2=0.3),
        RMSProp(lr=0.01, weight_decay=2.0, l2=0.3),
        SignSGD(lr=0.01, weight_decay=2.0, l2=0.3),
    ],
    ids=lambda rule: rule.kind,
)
def test_rules_without_a_law(rule: Any, activation: str) -> None:
    """The identity (2.7), and the diagonal law in the metric of one step (2.18)."""
    for step, lr, _ in path(rule, activation, bias=True):
        size = scale_of(step.after)
        found = charges(step.after, bias=True)
        before = charges(step.weights, bias=True)
        keep = 1 - lr * rule.weight_decay
        expected = update_charge_step(
            before, step.weights, step.update, lr=lr, weight_decay=rule.weight_decay, bias=True
        )
        assert deviation(found, expected, None) < EXACT * size
        numerator = step.memory[0] if rule.kind == "adam" else _with_l2(rule, step)
        scale = [p / u for p, u in zip(numerator, step.update, strict=True)]
        if rule.kind == "adam" or activation == "tanh":  # Ξ(W, p) has to be told
            mixed = [np.diagonal(x) for x in mixed_charges(step.weights, numerator, bias=True)]
        else:
            mixed = [rule.l2 * np.diagonal(c) for c in before]
        own = scaled_charges(step.weights, scale, bias=True)
        moves = scaled_charges(step.update, scale, bias=True)
        after = scaled_charges(step.after, scale, bias=True)
        largest = max(float(np.abs(s * w**2).max()) for s, w in zip(scale, step.after, strict=True))
        for d, x, m, a in zip(own, mixed, moves, after, strict=True):
            predicted = keep**2 * d - 2 * lr * keep * x + lr**2 * m
            assert np.abs(a - predicted).max() < EXACT * max(size, largest)


def _with_l2(rule: Any, step: Step) -> list[np.ndarray]:
    return [g + rule.l2 * w for g, w in zip(step.used, step.weights, strict=True)]


def test_sign_on_a_chain_of_single_neurons() -> None:
    """(2.19): the difference of absolute weights is conserved, that of squares is not."""
    weights, lr = [np.array([[0.9]]), np.array([[-1.7]])], 1e-3
    slow = SlowRule(SignSGD(lr=lr), weights)
    generator = np.random.default_rng(SEED)

    def gradient_at(w: Any) -> list[np.ndarray]:
        slope = 2 * x * (w[1] * w[0] * x - y)  # a of the equation
        return [w[1] * slope, w[0] * slope]

    for _ in range(100):
        x, y = generator.standard_normal(2)
        step = slow.step(weights, gradient_at, lr)
        (w1, w2), (g1, _) = step.weights, step.gradient
        sign = np.sign(g1 * w1)  # of a w_1 w_2
        predicted = charges(weights)[0] - 2 * lr * sign * (abs(w2) - abs(w1))
        weights = step.after
        # Both sides are of order one.
        assert_allclose(charges(weights)[0], predicted, rtol=0, atol=1e-14)
        assert_allclose(abs(weights[1]) - abs(weights[0]), 0.8, rtol=0, atol=1e-14)
    assert abs(float(charges(weights)[0][0, 0]) - (1.7**2 - 0.9**2)) > 1e-3


@pytest.mark.parametrize("nesterov", [False, True], ids=["heavy ball", "nesterov"])
def test_uncorrelated_gradients_move_charges_as_sgd_at_the_effective_rate(nesterov: bool) -> None:
    """(2.11): the mean over all signs of seven gradients, exactly, with every partial sum of c."""
    lr, beta, steps = 0.3, 0.6, 7
    size = [np.array([[0.5]]), np.array([[2.0]])]
    unit = float(charges(size)[0][0, 0])  # Q
    total = 0.0
    for signs in itertools.product((-1.0, 1.0), repeat=steps):
        charge, mixed = [np.zeros((1, 1))], [np.zeros((1, 1))]
        velocity = [np.zeros((1, 1))] * 2
        for sign in signs:
            velocity = [beta * v + sign * g for v, g in zip(velocity, size, strict=True)]
            update = [sign * g + beta * v for v, g in zip(velocity, size, strict=True)]
            if nesterov:
                charge, mixed = nesterov_charge_step(
                    charge, mixed, velocity, update, lr=lr, momentum=beta
                )
            else:
                charge, mixed = heavy_ball_charge_step(
                    charge, mixed, velocity, lr=lr, momentum=beta
                )
        total += float(charge[0][0, 0]) / 2**steps
    coefficients = [1 + beta, *(beta ** (s + 1) for s in range(1, steps))]
    if not nesterov:
        coefficients = [beta**s for s in range(steps)]
    sums = np.cumsum(coefficients)  # one gradient has been used that far after s steps
    assert total == pytest.approx(lr**2 * unit * np.sum(sums**2), rel=1e-13)  # 128 sums
    assert sums[-1] == pytest.approx(1 / (1 - beta), rel=2 * beta**steps)


def test_decay_and_momentum_at_rest() -> None:
    """(2.13): with L2 heavy ball is SGD at η/(1-β); decoupled decay pulls (1-β) times as much."""
    lr, beta, decay = 0.01, 0.7, 0.5
    velocity = [np.array([[1.0]]), np.array([[2.0]])]
    q = float(charges(velocity)[0][0, 0])

    def rest(**decays: float) -> float:
        charge, mixed = [np.zeros((1, 1))], [np.zeros((1, 1))]
        for _ in range(10_000):  # relaxes by 1 - 0.01 per step
            charge, mixed = heavy_ball_charge_step(
                charge, mixed, velocity, lr=lr, momentum=beta, **decays
            )
        return float(charge[0][0, 0])

    keep = 1 - lr * decay
    l2, decoupled = rest(l2=decay), rest(weight_decay=decay)
    assert l2 == pytest.approx((1 + beta) * lr * q / (2 * decay), rel=1e-10)  # 1e4 roundings
    expected = (1 + beta * keep) / (1 - beta * keep) * lr**2 * q / (1 - keep**2)
    assert decoupled == pytest.approx(expected, rel=1e-10)
    # 1 - k² is 2ηγ less the square, and βk is β less βηγ: relative 1 - k = 0.005 several times.
    assert decoupled / l2 == pytest.approx(1 / (1 - beta), rel=0.02)


def test_the_part_that_is_conserved() -> None:
    parts = {name: conserved_part(name) for name in SLOPES}
    assert parts == {
        "identity": "matrix", "relu": "diagonal", "leaky_relu": "diagonal",
        "tanh": None, "gelu": None, "softplus": None,
    }  # fmt: skip
    with pytest.raises(mx.MethexisError, match="activation: expected one of"):
        conserved_part("sine")


def test_networks_have_their_own_hyper_parameters() -> None:
    """Arrays that broadcast: each network of a stack follows its own law."""
    rules = [SAM(lr=0.05, rho=0.2, l2=0.1), SAM(lr=0.02, rho=0.5, weight_decay=0.3)]
    steps = [path(rule, "identity", bias=True, steps=1)[0][0] for rule in rules]
    both = Step(
        *(
            [np.stack(layer) for layer in zip(*(getattr(s, name) for s in steps), strict=True)]
            for name in ("weights", "gradient", "used", "update")
        ),
        memory=[],
        after=[],
    )
    stacked = _Stacked(rules)
    law = Law(stacked, both.weights, bias=True)
    law.follow(both, stacked.lr)
    for n, (rule, step) in enumerate(zip(rules, steps, strict=True)):
        alone = Law(rule, step.weights, bias=True).follow(step, rule.lr)
        assert deviation([c[n] for c in law.charge], alone, None) < EXACT


class _Stacked:
    kind = "sam"

    def __init__(self, rules: list[SAM]) -> None:
        for name in ("lr", "rho", "l2", "weight_decay"):
            setattr(self, name, np.array([getattr(r, name) for r in rules]).reshape(-1, 1, 1))


def sample_of(net: Net, which: int) -> Net:
    return replace(net, inputs=net.inputs[[which]], labels=net.labels[[which]])


def norm(arrays: list[np.ndarray]) -> float:
    return math.sqrt(sum(float(np.sum(a**2)) for a in arrays))


def test_sam_descends_the_mean_norm_of_the_gradient() -> None:
    """(2.17) and the loss it belongs to, L + ρ E‖G‖: both up to ρ², as the ratio of errors says."""
    net = path(mx.SGD(lr=1.0), "identity", bias=True, steps=1)[0][2]
    weights = start(bias=True)
    gradients = [sample_of(net, b).gradients(weights) for b in range(3)]
    slope = [np.zeros_like(w) for w in weights]  # of E‖G‖ over single samples, by differences
    step = 1e-5
    for i, w in enumerate(weights):
        for place in np.ndindex(w.shape):
            for sign in (1, -1):
                moved = [v.copy() for v in weights]
                moved[i][place] += sign * step
                lengths = [norm(sample_of(net, b).gradients(moved)) for b in range(3)]
                slope[i][place] += sign * np.mean(lengths) / (2 * step)

    def errors(rho: float) -> tuple[float, float]:
        uphill, rates = [], []
        for b, g in enumerate(gradients):
            radius = rho / norm(g)
            there = [w + radius * x for w, x in zip(weights, g, strict=True)]
            uphill.append(sample_of(net, b).gradients(there))
            # Change of charges per learning rate, as it goes to zero, less the leading order.
            pair = mixed_charges(g, uphill[-1], bias=True)[0]
            rates.append(radius * (pair + pair.T - 2 * charges(g, bias=True)[0]))
        mean = [np.mean(layer, axis=0) for layer in zip(*uphill, strict=True)]
        plain = [np.mean(layer, axis=0) for layer in zip(*gradients, strict=True)]
        off = norm([m - p - rho * s for m, p, s in zip(mean, plain, slope, strict=True)])
        return off, float(np.abs(np.mean(rates, axis=0)).max())

    coarse, fine = errors(2e-3), errors(1e-3)
    # The next order is 1e-3 of this one; differences are good to 1e-10, here 1e-4 of ρ² or less.
    assert np.log2(np.divide(coarse, fine)) == pytest.approx([2.0, 2.0], abs=0.02)


def test_sam_does_not_rest_at_balance() -> None:
    """At the Platonic point E[Q] = 0 (3.2) but E[Q/‖G‖] is not: SAM's charges go on moving."""
    teacher = mx.Teacher.random(dim_x=3, dim_y=2, condition_noise=4.0, seed=1)
    student = mx.EDLN.random(teacher, hidden=(4, 3), condition=2.0, seed=3)
    weights = mx.theory.platonic(teacher, student).weights
    data = teacher.samples(100_000, seed=0)
    assert student.embed_in is not None
    assert student.embed_out is not None
    assert student.view.matrix is not None
    hidden = [data.x @ (student.embed_in @ student.view.matrix).T]
    for w in weights:
        hidden.append(hidden[-1] @ w.T)
    signal = 2 * (hidden[-1] @ student.embed_out.T - data.y) @ student.embed_out
    errors = [signal]
    for w in reversed(weights[1:]):
        errors.insert(0, errors[0] @ w)
    squares = [
        np.sum(g**2, axis=1) * np.sum(h**2, axis=1) for g, h in zip(errors, hidden, strict=False)
    ]
    length = np.sqrt(np.sum(squares, axis=0))
    for i in range(2):  # traces are enough
        trace = squares[i + 1] - squares[i]
        error = trace.std() / math.sqrt(len(trace))
        assert abs(trace.mean()) < 4 * error
        error = (trace / length).std() / math.sqrt(len(trace))
        assert abs((trace / length).mean()) > 8 * error
