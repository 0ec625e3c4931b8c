"""Networks trained apart share no ancestry, however alike they are; a fine-tuned copy does."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import methexis as mx
from examples.real_models import fitted, hooked

NUM_TRAINED_ON = 1200


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))


@pytest.fixture(scope="module")
def layers() -> dict[str, Any]:
    """Hidden layers of two trained networks, of the first before, and after more of the digits."""
    data = load_digits()
    x = torch.tensor(data.data / 16.0, dtype=torch.float32)
    y = torch.tensor(data.target)
    before, other = network(0), network(1)
    trained = copy.deepcopy(before)
    torch.manual_seed(2)
    fitted(trained, x[:600], y[:600])
    fitted(other, x[:600], y[:600])
    tuned = copy.deepcopy(trained)
    fitted(tuned, x[600:NUM_TRAINED_ON], y[600:NUM_TRAINED_ON])
    models = {"trained": trained, "other": other, "before": before, "tuned": tuned}
    return {
        name: hooked(model, ["1"], x[NUM_TRAINED_ON:])["1"].astype(np.float64)
        for name, model in models.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shared"), [("other", False), ("tuned", True)])
def test_ancestry(layers: dict[str, Any], name: str, shared: bool) -> None:
    found = mx.explain(layers["trained"], layers[name])
    assert found.ancestry is not None
    assert found.ancestry.shared is shared
    assert ("ancestry" in found.sentence) is shared
    assert found.rung_named("linear").share > 0.5  # alike they are in either case


@pytest.mark.slow
def test_a_rotated_copy_shows_none(layers: dict[str, Any]) -> None:
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(48, 48)))[0]
    found = mx.explain(layers["trained"], layers["tuned"] @ turn)
    assert found.ancestry is not None
    assert not found.ancestry.shared
