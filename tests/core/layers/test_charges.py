"""The exact law of the charges, path by path, on linear and nonlinear networks.

The law is an identity between one step's weights and its gradients, so it holds to rounding on
every path, for every loss, data and batch (docs/theory.md §2).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from methexis.core.layers.charges import charge_step, charges, gradient_charges

SEED = 20250704
# One step adds a few matrix products of weights of order one: 1e-12 of their squares is 1e4
# roundings and is demanded of every step and of the path after 200 steps.
EXACT = 1e-12


@dataclass
class Net:
    """``f = out(W_D … W_1 in(x))`` with any functions around adjacent linear maps."""

    name: str

    def gradients(self, weights: list[np.ndarray], x: np.ndarray, y: np.ndarray):
        """Mean gradients of a batch, by back-propagation, all by hand."""
        h = [np.tanh(x) if self.name != "linear" else x]
        for w in weights:
            h.append(h[-1] @ w.T)
        if self.name == "linear":  # squared loss
            signal = 2 * (h[-1] - y)
        elif self.name == "tanh":  # quartic loss of a saturating output
            out = np.tanh(h[-1])
            signal = 4 * (out - y) ** 3 * (1 - out**2)
        else:  # cross entropy with the label's largest entry
            p = np.exp(h[-1] - h[-1].max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            signal = p - np.eye(y.shape[1])[y.argmax(1)]
        found = []
        for i in range(len(weights) - 1, -1, -1):
            found.append(signal.T @ h[i] / len(x))
            signal = signal @ weights[i]
        return found[::-1]


NETS = pytest.mark.parametrize(
    "net", [Net("linear"), Net("tanh"), Net("softmax")], ids=lambda n: n.name
)


def start(seed: int, dims: tuple[int, ...]) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.standard_normal((b, a)) / np.sqrt(a) for a, b in itertools.pairwise(dims)]


def batches(seed: int, dims: tuple[int, ...], count: int, size: int):
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield (
            generator.standard_normal((size, dims[0])),
            generator.standard_normal((size, dims[-1])),
        )


def by_loops(weights: list[np.ndarray]) -> list[np.ndarray]:
    found = []
    for first, second in itertools.pairwise(weights):
        d = len(first)
        c = np.zeros((d, d))
        for a in range(d):
            for b in range(d):
                c[a, b] = second[:, a] @ second[:, b] - first[a] @ first[b]
        found.append(c)
    return found


def assert_close(
    found: list[np.ndarray], expected: list[np.ndarray], weights: list[np.ndarray]
) -> None:
    size = max(np.sum(w**2) for w in weights)
    for a, b in zip(found, expected, strict=True):
        assert_allclose(a, b, rtol=0, atol=EXACT * size)


def test_charges_by_loops() -> None:
    weights = start(SEED, (3, 4, 2, 5))
    assert_close(charges(weights), by_loops(weights), weights)
    stacked = [np.stack([w, 2 * w]) for w in weights]
    assert_close([c[1] for c in charges(stacked)], [4 * c for c in by_loops(weights)], weights)


@NETS
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("size", [1, 7])
def test_sgd_path(net, decay, size) -> None:
    dims, lr = (3, 5, 4, 2), 0.05
    weights = start(SEED, dims)
    law = by_loops(weights)
    moved = 0.0
    for x, y in batches(SEED, dims, 200, size):
        gradients = net.gradients(weights, x, y)
        law = charge_step(law, gradients, lr=lr, weight_decay=decay)
        weights = [(1 - lr * decay) * w - lr * g for w, g in zip(weights, gradients, strict=True)]
        assert_close(law, by_loops(weights), weights)
        moved = max(moved, np.abs(gradient_charges(gradients)[0]).max())
    assert moved > 1e-3  # the law was not tested on standing gradients


@given(
    seed=st.integers(0, 2**31 - 1),
    widths=st.lists(st.integers(1, 6), min_size=3, max_size=6),
    lr=st.floats(1e-6, 0.3),
    decay=st.floats(0.0, 1.0),
)
@settings(max_examples=50)
def test_one_step_at_any_shape(seed, widths, lr, decay) -> None:
    weights = start(seed, tuple(widths))
    x, y = next(batches(seed, tuple(widths), 1, 3))
    gradients = Net("tanh").gradients(weights, x, y)
    law = charge_step(charges(weights), gradients, lr=lr, weight_decay=decay)
    after = [(1 - lr * decay) * w - lr * g for w, g in zip(weights, gradients, strict=True)]
    assert_close(law, charges(after), [*weights, *after])


@NETS
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_heavy_ball_path(net, decay) -> None:
    """(2.5), with A_i = W_{i+1}ᵀ v_{i+1} - v_i W_iᵀ at the weights before the step."""
    dims, lr, momentum = (3, 5, 4, 2), 0.02, 0.8
    weights = start(SEED, dims)
    speed = [np.zeros_like(w) for w in weights]
    law = by_loops(weights)
    cross = previous = [np.zeros_like(c) for c in law]
    for x, y in batches(SEED, dims, 200, 2):
        gradients = net.gradients(weights, x, y)
        speed = [
            momentum * v + g + decay * w for v, g, w in zip(speed, gradients, weights, strict=True)
        ]
        cross = [
            momentum * (a - lr * q) + decay * c
            for a, q, c in zip(cross, previous, by_loops(weights), strict=True)
        ]
        direct = [
            weights[i + 1].T @ speed[i + 1] - speed[i] @ weights[i].T for i in range(len(dims) - 2)
        ]
        assert_close(cross, direct, [*weights, *speed])
        previous = by_loops(speed)
        law = [c - lr * (a + a.T) + lr**2 * q for c, a, q in zip(law, cross, previous, strict=True)]
        weights = [w - lr * v for w, v in zip(weights, speed, strict=True)]
        assert_close(law, by_loops(weights), weights)


def test_per_layer_rates() -> None:
    """With rates η_i the conserved combination is W_{i+1}ᵀW_{i+1}/η_{i+1} - W_iW_iᵀ/η_i."""
    dims, rates = (3, 5, 4, 2), (0.01, 0.03, 0.02)
    weights = start(SEED, dims)
    for x, y in batches(SEED, dims, 100, 2):
        gradients = Net("tanh").gradients(weights, x, y)
        scaled = [w / np.sqrt(r) for w, r in zip(weights, rates, strict=True)]
        pulled = [g * np.sqrt(r) for g, r in zip(gradients, rates, strict=True)]
        law = charge_step(by_loops(scaled), pulled, lr=1.0)
        weights = [w - r * g for w, r, g in zip(weights, rates, gradients, strict=True)]
        after = [w / np.sqrt(r) for w, r in zip(weights, rates, strict=True)]
        assert_close(law, by_loops(after), after)


def test_the_law_needs_adjacent_linear_maps() -> None:
    """Its failure: with a nonlinearity between the maps the first order does not cancel."""
    dims, lr = (3, 5, 2), 0.05
    weights = start(SEED, dims)
    x, y = next(batches(SEED, dims, 1, 4))
    hidden = x @ weights[0].T
    bent = np.tanh(hidden)
    signal = 2 * (bent @ weights[1].T - y)
    gradients = [
        ((signal @ weights[1]) * (1 - bent**2)).T @ x / 4,
        signal.T @ bent / 4,
    ]
    law = charge_step(charges(weights), gradients, lr=lr)
    after = charges([w - lr * g for w, g in zip(weights, gradients, strict=True)])
    assert np.abs(law[0] - after[0]).max() > 1e-3


def test_order_of_drift() -> None:
    """Gradient flow conserves charges: over fixed time their change is first order in the step."""
    dims = (3, 4, 2)
    x, y = next(batches(SEED, dims, 1, 20))
    changes = []
    for steps in (100, 200, 400):
        weights = start(SEED, dims)
        for _ in range(steps):
            gradients = Net("linear").gradients(weights, x, y)
            weights = [w - g / steps for w, g in zip(weights, gradients, strict=True)]
        changes.append(np.linalg.norm(charges(weights)[0] - charges(start(SEED, dims))[0]))
    orders = np.log2(np.divide(changes[:-1], changes[1:]))
    assert_allclose(orders, 1.0, atol=0.1)  # the next order at 1/100 of the time's unit
