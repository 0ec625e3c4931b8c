"""What every optimiser promises: one suite over all that are registered, and each one's formula."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.charges import charges
from methexis.training.optimisers import (
    KINDS,
    RULES,
    SAM,
    Adam,
    AdamW,
    RMSProp,
    UpdateRule,
)
from tests.training.loops import NAMES, SlowRule
from tests.training.variants import VARIANTS

every_rule = pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)

SHAPES = [(4, 3), (5, 4), (2, 5)]
STEPS = 6
NETWORKS = 3
# A few roundings of 2⁻⁵³ (2⁻²⁴) per step and entry; roots and quotients are of order one.
ROUNDING = {"float64": 1e-13, "float32": 1e-5}


def arrays(seed: int, dtype: str = "float64") -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.standard_normal((NETWORKS, *s)).astype(dtype) for s in SHAPES]


def hyper_of(rules: Sequence[UpdateRule], dtype: str = "float64") -> dict[str, np.ndarray]:
    """Hyper-parameters as engines have them: all names, one value per network."""
    return {
        name: np.array([getattr(r, name, 0.0) for r in rules], dtype=dtype)[:, None, None]
        for name in ("lr", *NAMES)
    }


def gradient_at(weights: Sequence[np.ndarray], t: int) -> list[np.ndarray]:
    """Gradient of some smooth function, another one in each step."""
    return [np.sin(3 * w + t) + 0.5 * w for w in weights]


def run(
    rule: UpdateRule,
    weights: Sequence[np.ndarray],
    hyper: dict[str, np.ndarray],
    steps: int = STEPS,
    gradient: Any = gradient_at,
) -> list[np.ndarray]:
    """Some steps as an engine does them, on copies."""
    weights = [w.copy() for w in weights]
    slots = rule.slots(weights)
    for t in range(steps):
        found = gradient(weights, t)
        elsewhere = rule.gradient_point(weights, found, hyper)
        if elsewhere is not None:
            found = gradient(elsewhere, t)
        rule.step(weights, found, slots, hyper, t)
    return weights


def test_all_are_here() -> None:
    assert {type(r).__name__ for r in VARIANTS.values()} == set(RULES)
    assert {r.kind for r in VARIANTS.values()} == set(KINDS)
    for name, rule in RULES.items():
        assert rule.__doc__ is not None
        assert rule.__name__ == name


@pytest.mark.parametrize("dtype", ROUNDING)
@every_rule
def test_steps_are_the_formula(rule: UpdateRule, dtype: str) -> None:
    """Against one number at a time, with other hyper-parameters in each network."""
    own = [_scaled(rule, factor) for factor in (1.0, 0.5, 0.9)]
    start = arrays(1, dtype)
    found = run(rule, start, hyper_of(own, dtype))
    for n, mine in enumerate(own):
        weights = [w[n].astype(np.float64) for w in start]
        slow = SlowRule(mine, weights)
        for t in range(STEPS):
            weights = slow.step(weights, lambda w, t=t: gradient_at(w, t), mine.lr).after
        for w, e in zip(found, weights, strict=True):
            assert w.dtype == dtype
            if rule.kind == "sign" and dtype == "float32":
                # A gradient within rounding of zero may have either sign.
                assert np.mean(np.abs(w[n] - e) > ROUNDING[dtype]) < 0.05
            else:
                assert_allclose(w[n], e, rtol=0, atol=ROUNDING[dtype])


def _scaled(rule: UpdateRule, factor: float) -> UpdateRule:
    changed = {name: factor * getattr(rule, name) for name in rule.bounds}
    rest = {"nesterov": rule.nesterov} if isinstance(rule, mx.SGD) else {}
    return type(rule)(**changed, **rest)


@every_rule
def test_steps_are_in_place(rule: UpdateRule) -> None:
    weights, gradient, hyper = arrays(1), arrays(2), hyper_of([rule])
    slots = rule.slots(weights)
    assert len(slots) == rule.num_slots
    assert all(
        (s == 0).all() and s.shape == w.shape
        for slot in slots
        for s, w in zip(slot, weights, strict=True)
    )
    before = [w.copy() for w in weights]
    held = [*weights, *(s for slot in slots for s in slot)]
    views = [w[:] for w in held]
    rule.step(weights, gradient, slots, hyper, 0)
    assert all(a is b for a, b in zip(weights, held, strict=False))
    assert all(np.shares_memory(a, b) for a, b in zip(held, views, strict=True))
    assert all(not np.array_equal(w, b) for w, b in zip(weights, before, strict=True))
    assert all(s.any() for slot in slots for s in slot)


@pytest.mark.parametrize("dtype", ROUNDING)
@every_rule
def test_a_network_alone_has_the_bits_it_has_in_a_batch(rule: UpdateRule, dtype: str) -> None:
    own = [_scaled(rule, factor) for factor in (1.0, 0.5, 0.9)]
    start = arrays(1, dtype)
    together = run(rule, start, hyper_of(own, dtype))
    for n, mine in enumerate(own):
        alone = run(mine, [w[n : n + 1] for w in start], hyper_of([mine], dtype))
        assert all(np.array_equal(a[0], w[n]) for a, w in zip(alone, together, strict=True))


@every_rule
def test_at_rest_without_gradient(rule: UpdateRule) -> None:
    """With zero gradient only decay moves the weights, and by its formula."""
    start = arrays(1)
    hyper = hyper_of([rule])
    found = run(rule, start, hyper, steps=1, gradient=lambda w, t: [np.zeros_like(x) for x in w])
    if rule.weight_decay == rule.l2 == 0:
        assert all(np.array_equal(a, b) for a, b in zip(found, start, strict=True))
    elif rule.l2 == 0:
        keep = 1 - rule.lr * rule.weight_decay
        for a, b in zip(found, start, strict=True):
            assert_allclose(a, keep * b, rtol=1e-15, atol=0)  # one rounding
    else:
        assert all(
            (np.abs(a) < np.abs(b) + 3 * rule.lr).all() for a, b in zip(found, start, strict=True)
        )
        assert all(not np.array_equal(a, b) for a, b in zip(found, start, strict=True))


@every_rule
def test_a_lost_network_stays_lost_and_harms_no_other(rule: UpdateRule) -> None:
    start = arrays(1)
    hurt = [w.copy() for w in start]
    for w in hurt:
        w[1] = np.nan
    hyper = hyper_of([rule] * NETWORKS)
    whole, rest = run(rule, start, hyper), run(rule, hurt, hyper)
    for w, r in zip(whole, rest, strict=True):
        assert np.isnan(r[1]).all()
        assert np.array_equal(r[[0, 2]], w[[0, 2]])


@every_rule
def test_symmetries(rule: UpdateRule) -> None:
    """All commute with relabelling and signs of neurons; with rotations where charges are known."""
    generator = np.random.default_rng(5)
    width = SHAPES[0][0]
    signs = generator.choice([-1.0, 1.0], width)
    relabel = np.eye(width)[generator.permutation(width)] * signs
    rotation = np.linalg.qr(generator.standard_normal((width, width)))[0]
    start = arrays(1)
    hyper = hyper_of([rule])
    push = arrays(3)

    def mismatch(change: np.ndarray) -> float:
        # Gradient at TW is T times that at W: of a function of TᵀW.
        def turned(weights: Sequence[np.ndarray], t: int) -> list[np.ndarray]:
            back = [change.T @ weights[0], *weights[1:]]
            g = [np.cos(w + t) * p for w, p in zip(back, push, strict=True)]
            return [change @ g[0], *g[1:]]

        def plain(weights: Sequence[np.ndarray], t: int) -> list[np.ndarray]:
            return [np.cos(w + t) * p for w, p in zip(weights, push, strict=True)]

        there = run(rule, [change @ start[0], *start[1:]], hyper, gradient=turned)
        here = run(rule, start, hyper, gradient=plain)
        return float(np.abs(there[0] - change @ here[0]).max())

    assert mismatch(relabel) < 1e-12  # rounding
    if rule.kind in ("sgd", "heavy_ball", "nesterov", "sam"):
        assert mismatch(rotation) < 1e-12
    else:
        assert mismatch(rotation) > 1e-3


@every_rule
def test_order_of_the_charges(rule: UpdateRule) -> None:
    """What a rule says of itself: charges move as lr^charge_order, apart from decay."""
    x = np.random.default_rng(8).standard_normal((STEPS, 3, 7))
    y = np.random.default_rng(9).standard_normal((STEPS, 2, 7))

    def gradient(weights: Sequence[np.ndarray], t: int) -> list[np.ndarray]:
        first, second = weights
        error = 2 / 7 * (second @ first @ x[t] - y[t])
        return [second.mT @ error @ x[t].T, error @ (first @ x[t]).mT]

    generator = np.random.default_rng(10)
    start = [generator.standard_normal((1, 4, 3)), generator.standard_normal((1, 2, 4))]
    bare = _without_decay(rule)

    def moved(lr: float) -> float:
        hyper = hyper_of([bare]) | {"lr": np.full((1, 1, 1), lr)}
        after = run(bare, start, hyper, gradient=gradient)
        return float(np.abs(charges(after)[0] - charges(start)[0]).max())

    # The next order is 1e-5 of this one, times up to ten for the first steps of RMSProp; rounding
    # of 1e-16 is 1e-6 of a change of 1e-10.
    order = math.log2(moved(2e-5) / moved(1e-5))
    assert order == pytest.approx(rule.charge_order, abs=0.01)


def _without_decay(rule: UpdateRule) -> UpdateRule:
    rest = {name: getattr(rule, name) for name in rule.bounds if name not in ("weight_decay", "l2")}
    if isinstance(rule, mx.SGD):
        rest["nesterov"] = rule.nesterov
    return type(rule)(**rest, weight_decay=0.0)


@every_rule
def test_slow_time(rule: UpdateRule) -> None:
    """η²/(1-β)² per step and batch, or unknown with a reason; of adaptive rules η² per step."""
    steps = np.array([0, 10, 100])
    found = rule.slow_time(steps, 100, batch=4)
    hyper = hyper_of([_scaled(rule, f) for f in (1.0, 0.5)])
    factor = rule.slow_factor(hyper, batch=4)
    assert factor.shape == (2, 1, 1)
    if rule.slow_time_unknown:
        assert np.isnan(found).all()
        assert np.isnan(factor).all()
        assert not rule.slow_time_unknown.endswith(".")
    else:
        beta, size = getattr(rule, "momentum", 0.0), 1 if rule.adaptive else 4
        assert_allclose(found, (rule.lr / (1 - beta)) ** 2 / size * steps, rtol=1e-14)
        half = (rule.lr / 2 / (1 - beta / 2)) ** 2 / size
        assert_allclose(factor[:, 0, 0], [(rule.lr / (1 - beta)) ** 2 / size, half], rtol=1e-14)


@every_rule
def test_describe(rule: UpdateRule) -> None:
    described = json.loads(json.dumps(rule.describe()))
    assert described["name"] == type(rule).__name__
    assert described["schedule"] == "constant"
    for name in rule.bounds:
        assert described[name] == getattr(rule, name)
    with pytest.raises(FrozenInstanceError):
        rule.lr = 1.0  # type: ignore[misc]


@every_rule
def test_refuses(rule: UpdateRule) -> None:
    """Every hyper-parameter: wrong kinds and numbers outside its range, in one sentence."""
    build = type(rule)
    for name, bounds in rule.bounds.items():
        bad: list[Any] = [float("nan"), float("inf"), True, "1", None, [0.1]]
        if "least" in bounds:
            bad.append(bounds["least"] - 0.1)
        if "above" in bounds:
            bad.append(bounds["above"])
        if "below" in bounds:
            bad.append(bounds["below"])
        for value in bad:
            with pytest.raises(mx.MethexisError, match=f"^{name}: expected (a finite|one) number"):
                build(**({"lr": 0.1} | {name: value}))
    with pytest.raises(mx.MethexisError, match=r"expected lr \* weight_decay < 1 .* got 1.5"):
        build(lr=0.5, weight_decay=3.0)
    with pytest.raises(mx.MethexisError, match="schedule: expected a Schedule"):
        build(lr=0.5, schedule="cosine")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        build(0.1, 0.5)  # type: ignore[call-arg,misc]


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(mx.MethexisError, match="nesterov: expected momentum > 0, got 0"):
        mx.SGD(lr=0.1, nesterov=True)


def test_defaults() -> None:
    assert (Adam(0.1).beta1, Adam(0.1).beta2, Adam(0.1).eps) == (0.9, 0.999, 1e-8)
    assert (Adam(0.1).weight_decay, AdamW(0.1).weight_decay) == (0.0, 0.01)
    assert (RMSProp(0.1).beta2, RMSProp(0.1).eps, SAM(0.1).rho) == (0.99, 1e-8, 0.05)


@pytest.mark.parametrize(("nesterov", "coefficient"), [(False, 4.0), (True, 3.2)])
def test_momentum_is_sgd_at_the_effective_rate(nesterov: bool, coefficient: float) -> None:
    """(2.12): z = W - ηcv takes plain steps of η/(1-β), with c = β/(1-β) or β²/(1-β)."""
    rule = mx.SGD(lr=0.1, momentum=0.8, nesterov=nesterov)
    weights, hyper = arrays(1), hyper_of([rule])
    slots = rule.slots(weights)
    for t in range(STEPS):
        gradient = gradient_at(weights, t)
        before = [w - 0.1 * coefficient * v for w, v in zip(weights, slots[0], strict=True)]
        rule.step(weights, [g.copy() for g in gradient], slots, hyper, t)
        after = [w - 0.1 * coefficient * v for w, v in zip(weights, slots[0], strict=True)]
        for z, new, g in zip(before, after, gradient, strict=True):
            assert_allclose(new, z - 0.5 * g, rtol=0, atol=1e-14)  # rounding


def test_sam_goes_uphill_by_rho() -> None:
    """Over all layers of a network together; not at all where there is no gradient."""
    rule = SAM(lr=0.1, rho=0.3)
    weights, gradient = arrays(1), arrays(2)
    for g in gradient:
        g[1] = 0.0
        g[2] *= 1e-200  # its square underflows
    moved = rule.gradient_point(weights, gradient, hyper_of([rule]))
    assert moved is not None
    steps = [m - w for m, w in zip(moved, weights, strict=True)]
    length = np.sqrt(sum((s**2).sum(axis=(1, 2)) for s in steps))
    assert_allclose(length[0], 0.3, rtol=1e-14)
    assert length[1] == 0.0
    for s, g in zip(steps, gradient, strict=True):
        assert_allclose(s[0] / np.linalg.norm(s[0]), g[0] / np.linalg.norm(g[0]), atol=1e-14)
    single = [g.astype(np.float32) for g in arrays(2)]
    small = [1e-25 * g for g in single]
    found = rule.gradient_point(
        [w.astype(np.float32) for w in weights], small, hyper_of([rule], "float32")
    )
    assert found is not None
    length = np.sqrt(
        sum(((m - w) ** 2).sum(axis=(1, 2)) for m, w in zip(found, weights, strict=True))
    )
    assert_allclose(length, 0.3, rtol=1e-5)  # though 1e-50 is zero in single precision


def test_adam_in_single_precision_late_in_a_run() -> None:
    """The corrections for the start are in double precision: no digits are lost in 1 - β^t."""
    rule = Adam(lr=0.1, beta2=0.999)
    gradient = [np.full((1, 1, 1), 2.0, np.float32)]
    for t in (0, 1, 10, 10**6, 2**40):
        weights = [np.zeros((1, 1, 1), np.float32)]
        beta = float(np.float32(0.999))
        slots = [
            [np.full((1, 1, 1), 2.0 * (1 - float(np.float32(0.9)) ** t), np.float32)],
            [np.full((1, 1, 1), 4.0 * (1 - beta**t), np.float32)],
        ]
        rule.step(weights, [g.copy() for g in gradient], slots, hyper_of([rule], "float32"), t)
        # A constant gradient moves by lr; a few roundings of 6e-8, that of 1 - β2 included.
        assert_allclose(weights[0], -0.1, rtol=2e-6 if t else 1e-6)


# The update rules of PyTorch 2, as its documentation gives them, for one weight (no amsgrad, no
# centring, dampening 0). Their weight_decay is our l2, but for AdamW, where it is ours.


def pytorch_sgd(w: float, grads: list[float], lr: float, mu: float, wd: float, nag: bool) -> float:
    buffer = None
    for g in grads:
        d = g + wd * w
        if mu:
            buffer = d if buffer is None else mu * buffer + d
            d = d + mu * buffer if nag else buffer
        w = w - lr * d
    return w


def pytorch_adam(
    w: float, grads: list[float], lr: float, betas: tuple[float, float], eps: float, wd: float,
    decoupled: bool,
) -> float:  # fmt: skip
    first = second = 0.0
    for t, g in enumerate(grads, start=1):
        d = g
        if decoupled:
            w = w - lr * wd * w
        else:
            d = g + wd * w
        first = betas[0] * first + (1 - betas[0]) * d
        second = betas[1] * second + (1 - betas[1]) * d * d
        size = lr / (1 - betas[0] ** t)
        w = w - size * first / (math.sqrt(second) / math.sqrt(1 - betas[1] ** t) + eps)
    return w


def pytorch_rmsprop(
    w: float, grads: list[float], lr: float, alpha: float, eps: float, wd: float
) -> float:
    square = 0.0
    for g in grads:
        d = g + wd * w
        square = alpha * square + (1 - alpha) * d * d
        w = w - lr * d / (math.sqrt(square) + eps)
    return w


PEERS = {
    "sgd": (mx.SGD(lr=0.1, l2=0.3), lambda w, g: pytorch_sgd(w, g, 0.1, 0.0, 0.3, False)),
    "momentum": (
        mx.SGD(lr=0.1, momentum=0.9, l2=0.3),
        lambda w, g: pytorch_sgd(w, g, 0.1, 0.9, 0.3, False),
    ),
    "nesterov": (
        mx.SGD(lr=0.1, momentum=0.9, nesterov=True, l2=0.3),
        lambda w, g: pytorch_sgd(w, g, 0.1, 0.9, 0.3, True),
    ),
    "Adam": (
        Adam(lr=0.1, l2=0.3),
        lambda w, g: pytorch_adam(w, g, 0.1, (0.9, 0.999), 1e-8, 0.3, False),
    ),
    "AdamW": (
        AdamW(lr=0.1, weight_decay=0.3),
        lambda w, g: pytorch_adam(w, g, 0.1, (0.9, 0.999), 1e-8, 0.3, True),
    ),
    "RMSprop": (
        RMSProp(lr=0.1, l2=0.3),
        lambda w, g: pytorch_rmsprop(w, g, 0.1, 0.99, 1e-8, 0.3),
    ),
}


@pytest.mark.parametrize(("rule", "peer"), PEERS.values(), ids=PEERS)
def test_the_formulas_of_pytorch(rule: UpdateRule, peer: Any) -> None:
    grads = np.random.default_rng(12).standard_normal(20)
    weights = [np.full((1, 1, 1), 0.7)]
    found = run(
        rule, weights, hyper_of([rule]), steps=20,
        gradient=lambda w, t: [np.full((1, 1, 1), grads[t])],
    )  # fmt: skip
    assert_allclose(found[0], peer(0.7, grads.tolist()), rtol=0, atol=1e-13)  # 20 steps' rounding
