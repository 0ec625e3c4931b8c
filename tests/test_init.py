"""Initialisers: their laws, and independence of the batch they are drawn in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

import methexis as mx
from methexis.core.checks import Array
from methexis.core.layers.charges import charges
from tests.native.extension import extension

TEACHER = mx.Teacher.random(dim_x=3, dim_y=2, condition_noise=3.0, seed=0)
STUDENT = mx.EDLN.random(TEACHER, hidden=(5, 4), seed=1)
SHAPES = [(5, 3), (4, 5), (2, 4)]

ALL = {
    "gaussian": mx.init.gaussian(0.7),
    "orthogonal": mx.init.orthogonal(0.7),
    "balanced": mx.init.balanced(),
    "platonic": mx.init.platonic_point(),
    "random": mx.init.random_minima(0.8),
}
MINIMA = ("balanced", "platonic", "random")


def draw(init: Any, **changes: Any) -> list[Array]:
    settings: dict[str, Any] = {"number": 0, "seed": 3, "replicas": [0, 1, 5], "loss": "squared"}
    settings |= changes
    result: list[Array] = init(TEACHER, STUDENT, **settings)
    return result


@pytest.mark.parametrize("init", ALL.values(), ids=ALL)
def test_contract(init: Any) -> None:
    weights = draw(init)
    assert [w.shape for w in weights] == [(3, *s) for s in SHAPES]
    assert all(w.dtype == np.float64 and np.isfinite(w).all() for w in weights)
    alone = draw(init, replicas=[5])
    assert all(np.array_equal(w[2], v[0]) for w, v in zip(weights, alone, strict=True))
    again = draw(init)
    assert all(np.array_equal(w, v) for w, v in zip(weights, again, strict=True))
    for changes in ({"seed": 4}, {"number": 1}):
        other = draw(init, **changes)
        assert not any(np.allclose(w, v, rtol=1e-3) for w, v in zip(weights, other, strict=True))
    for w in weights:  # replicas differ
        assert not np.allclose(w[0], w[1], rtol=1e-3)


def test_gaussian_law() -> None:
    scale, count = 0.7, 2000
    for w in draw(mx.init.gaussian(scale), replicas=range(count)):
        entries = np.sort((w * np.sqrt(w.shape[-1]) / scale).ravel())
        # Kolmogorov–Smirnov at fixed seed: p below 1e-4 in one of three layers is 3e-4.
        assert scipy.stats.kstest(entries, "norm").pvalue > 1e-4
        flat = w.reshape(count, -1)
        correlation = np.corrcoef(flat.T) - np.eye(flat.shape[1])
        assert np.abs(correlation).max() < 5.5 / np.sqrt(count)  # 300 pairs at 5.5 standard errors


def test_orthogonal_law() -> None:
    scale, count = 0.7, 4000
    for w in draw(mx.init.orthogonal(scale), replicas=range(count)):
        short = min(w.shape[-2:])
        gram = w @ w.mT if w.shape[-2] == short else w.mT @ w
        assert np.allclose(gram, scale**2 * np.eye(short), rtol=0, atol=1e-14)  # rounding
        # Haar: every entry has mean 0 and mean square scale² / longest side.
        error = w.std(axis=0) / np.sqrt(count)
        assert (np.abs(w.mean(axis=0)) < 5 * error).all()
        square = w**2
        error = square.std(axis=0) / np.sqrt(count)
        assert (np.abs(square.mean(axis=0) - scale**2 / max(w.shape[-2:])) < 5 * error).all()


@pytest.mark.parametrize("loss", ["squared", "whitened"])
@pytest.mark.parametrize("name", MINIMA)
def test_minima_are_minima(name: str, loss: str) -> None:
    weights = draw(ALL[name], loss=loss)
    assert STUDENT.embed_in is not None
    assert STUDENT.embed_out is not None
    assert STUDENT.view.matrix is not None
    product = weights[2] @ weights[1] @ weights[0]
    predictor = STUDENT.embed_out @ product @ STUDENT.embed_in @ STUDENT.view.matrix
    # The minimum of both losses is V; conditions of 3 and gauges of spread 0.8 amplify rounding.
    assert np.allclose(predictor, TEACHER.weight, rtol=0, atol=1e-12)


def test_which_minima_they_are() -> None:
    best = mx.theory.platonic(TEACHER, STUDENT).entropy
    entropy = {name: mx.theory.entropy(TEACHER, STUDENT, draw(ALL[name])) for name in MINIMA}
    assert np.allclose(entropy["platonic"], best, rtol=1e-10, atol=0)
    assert (entropy["random"] > 1.001 * best).all()
    assert (entropy["balanced"] > 1.001 * best).all()
    for name, zero in (("balanced", True), ("random", False)):
        charge = np.concatenate([c.ravel() for c in charges(draw(ALL[name]))])
        assert (np.abs(charge).max() < 1e-12) == zero


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mx.init.gaussian(0.0), "scale: expected a finite number > 0, got 0"),
        (lambda: mx.init.orthogonal(-1.0), "scale: expected a finite number > 0, got -1"),
        (lambda: mx.init.random_minima(0.0), "spread: expected a finite number > 0, got 0"),
        (lambda: draw(mx.init.random_minima(1.0, "uniform")), "distribution: expected one of"),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with pytest.raises(mx.MethexisError, match=message):
        make()


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_views_and_other_orders_start_like_copies(engine: str) -> None:
    """Wide layers of `orthogonal` are transposed, and given weights may lie anyhow in memory."""
    teacher = mx.Teacher.random(dim_x=4, dim_y=3, seed=0)
    student = mx.EDLN.random(teacher, hidden=(2, 5), seed=1)
    if engine == "native":
        extension()  # skips where it is not built; in CI that fails

    def train(init: Any) -> mx.Run:
        return mx.train(student, teacher, mx.SGD(lr=0.01), steps=3, init=init, engine=engine)

    made = train(mx.init.orthogonal())
    first = [w[0, 0] for w in made.snapshots(0)]  # of step 0
    padded = [np.repeat(np.repeat(w, 2, axis=0), 2, axis=1)[::2, ::2] for w in first]
    for given in (first, [np.asfortranarray(w) for w in first], padded):
        again = train([given])
        assert all(
            np.array_equal(a, b) for a, b in zip(made.weights[0], again.weights[0], strict=True)
        )
