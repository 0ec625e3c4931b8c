"""SGD itself goes where `Run.predict` says, for the mixtures that no function of theory has alone.

One valley (docs/theory.md, 4.8) and its charge, which gradient flow keeps and slow dynamics moves:
its mean over replicas follows the path without the fluctuations of the weights. The path is the
limit of small steps; what is left is linear in the learning rate, so it drops out of twice the mean
at half the rate less the mean at the whole, up to the square of the relative first order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import methexis as mx
from tests.training.prediction.test_predict import START, VALLEY_DATA

SLOW_TIMES = (0.1, 0.2, 0.4)
REPLICAS = 400


@dataclass(frozen=True)
class Mixture:
    """What is trained; the decay is per slow time, so that κ is the same at every rate."""

    sampling: str
    noise: float = 0.0
    kappa: float = 0.0
    momentum: float = 0.0
    lr: float = 0.004


MIXTURES = {
    "shuffled, label noise": Mixture("shuffle", noise=0.7),
    "shuffled, decay": Mixture("shuffle", kappa=0.5),
    "full, label noise": Mixture("full", noise=2.0),
    "replaced, decay, label noise": Mixture("replace", noise=0.5, kappa=0.4),
    "replaced, decay, momentum": Mixture("replace", kappa=0.4, momentum=0.5),
}


def charge(weights: list[np.ndarray]) -> np.ndarray:
    first, second = weights
    return np.asarray(np.sum(second**2, axis=(-2, -1)) - np.sum(first**2, axis=(-2, -1)))


def measured(mixture: Mixture, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean charge at the slow times, its standard error, and what is predicted."""
    batch = VALLEY_DATA.num_samples if mixture.sampling == "full" else 2
    effective = mixture.lr / (1 - mixture.momentum)
    steps = [round(tau * batch / effective**2) for tau in SLOW_TIMES]
    optimiser = mx.SGD(
        lr=mixture.lr, momentum=mixture.momentum, l2=mixture.kappa * effective / batch
    )
    settings: dict[str, Any] = {"sampling": mixture.sampling, "label_noise": mixture.noise}
    run = mx.train(
        mx.EDLN((1,)), VALLEY_DATA, optimiser, steps=steps[-1], batch=batch, record=[0, *steps],
        init=[START], replicas=REPLICAS, seed=seed, progress=None, measure=(), **settings,
    )  # fmt: skip
    (path,) = run.predict(replicas=1).paths
    assert path is not None
    found = charge(run.snapshots(0))[1:]
    error = found.std(axis=1) / np.sqrt(REPLICAS)
    return found.mean(axis=1), error, charge(path.weights)[1:, 0]


@pytest.mark.long
@pytest.mark.parametrize("name", MIXTURES)
def test_sgd_follows_the_path(name: str) -> None:
    mixture = MIXTURES[name]
    coarse, coarse_error, expected = measured(mixture, seed=1)
    fine, fine_error, same = measured(replace(mixture, lr=mixture.lr / 2), seed=2)
    np.testing.assert_allclose(same, expected, rtol=2e-3)  # steps are rounded to whole numbers
    start = charge(START)
    moved = np.abs(expected - start)
    error = np.sqrt(4 * fine_error**2 + coarse_error**2)
    first_order = np.abs(coarse - expected) / moved
    assert (np.abs(2 * fine - coarse - expected) < 4 * error + first_order**2 * moved).all()
    assert (error < 0.06 * moved[-1]).all()  # so that the comparison says something
    assert (first_order < 0.3).all()
