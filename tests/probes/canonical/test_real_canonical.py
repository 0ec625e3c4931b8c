"""The canonical gauge of real models that packages ship (`make real`), in single precision."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import methexis as mx
from tests.probes import real

torch = pytest.importorskip("torch")

pytestmark = real.MARKS


def judged(made: mx.Canonical) -> None:
    """What is asked of every model: balance in six sweeps, and outputs that stay."""
    within = np.max([one.gaps for one in made.interfaces], axis=0)
    print(f"\n{made}\n{np.array2string(within, precision=2)} exact {made.exact:.1e}")
    assert made.change <= 1e-5
    if made.by == "activations":  # of which few samples leave some directions faint
        assert within[-1] < 0.5 * within[0]
        return
    assert np.flatnonzero(within <= 1e-3)[0] <= 6
    assert all(b <= a * (1 + 1e-9) for a, b in pairwise(made.totals))


def length(outputs: Any, _targets: Any) -> Any:
    """A loss that needs no labels: of hidden states their mean square."""
    return outputs["last_hidden_state"].square().mean()


@pytest.mark.parametrize("by", ["entropy", "norm", "activations"])
def test_minilm(by: str) -> None:
    model = real.minilm()
    texts = ["a cat sat", "the quick brown fox jumps over the lazy dog", "nothing", "of the sea"]
    batch = real.tokens(texts)
    if by == "entropy":
        made = mx.canonicalize(model, length, (batch, torch.zeros(4)), by=by)
    else:
        made = mx.canonicalize(model, None, batch, by=by)
    judged(made)
    groups = [one.group for one in made.interfaces]
    assert groups.count("linear") == (6 if by == "activations" else 12)


def test_efficientnet() -> None:
    model = real.efficientnet()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    judged(mx.canonicalize(model, None, images, by="norm"))


@pytest.mark.parametrize("version", ["5.1.2", "6.2.3"])
def test_a_detector_of_speech_in_torchscript(version: str) -> None:
    model = real.silero(version).eval()
    sound = 0.1 * torch.randn(3, 512, generator=torch.Generator().manual_seed(0))
    judged(mx.canonicalize(model, None, (sound, 16000), by="norm"))
