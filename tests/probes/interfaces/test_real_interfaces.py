"""Interfaces of real models that packages ship (`make real`), in both precisions."""

from __future__ import annotations

from typing import Any

import pytest

import methexis as mx
from tests.probes import real

torch = pytest.importorskip("torch")

pytestmark = real.MARKS
#: What is asked of every change, by precision, and the part of parameters to be accounted for.
MOST = {"float64": 1e-12, "float32": 1e-5}
LEAST_SHARE = 0.95


def judged(model: Any, batch: Any, dtype: str) -> mx.Interfaces:
    """Interfaces, with what is asked of all of them."""
    known = mx.interfaces(model, batch)
    assert known.dtype == dtype
    for one in known:
        assert one.change <= MOST[dtype], one
    sizes = {name: one.numel() for name, one in model.named_parameters()}
    inside = {name for one in known for name in one.parameters} & sizes.keys()
    accounted = {name for name, why in known.reasons.items() if why} | inside
    assert not inside & known.reasons.keys()
    assert sum(sizes[name] for name in accounted) >= LEAST_SHARE * sum(sizes.values())
    print(f"\n{known}")
    return known


@pytest.mark.parametrize("dtype", MOST)
def test_minilm(dtype: str) -> None:
    model = real.minilm().to(getattr(torch, dtype))
    texts = ["a cat sat", "the quick brown fox jumps over the lazy dog", "nothing"]
    batch = real.tokens(texts)
    known = judged(model, batch, dtype)
    groups = [(one.group, one.size, one.count) for one in known]
    for kind in (("linear", 32, 12), ("permutation", 12, 1), ("permutation", 1536, 1)):
        assert groups.count(kind) == {("linear", 32, 12): 12}.get(kind, 6)
    assert "what the model gives" in known.reasons["embeddings.LayerNorm.weight"]


@pytest.mark.parametrize("dtype", MOST)
def test_efficientnet(dtype: str) -> None:
    model = real.efficientnet()
    model = model.to(getattr(torch, dtype))
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 64, 64, generator=generator, dtype=getattr(torch, dtype))
    known = judged(model, images, dtype)
    assert known.share > 0.99
    assert {one.group for one in known} == {"permutation", "scale", "permutation and scale"}


@pytest.mark.parametrize("version", ["5.1.2", "6.2.3"])
def test_a_detector_of_speech_in_torchscript(version: str) -> None:
    """In single precision alone, because the script makes all sound single by itself."""
    model = real.silero(version).eval()
    sound = 0.1 * torch.randn(3, 512, generator=torch.Generator().manual_seed(0))
    known = judged(model, (sound, 16000), "float32")
    meets = {one.name: one.group for one in known}
    encoder = [f"_model.encoder.{k}.reparam_conv" for k in range(4)]
    for writer, reader in zip(encoder, [*encoder[1:], "_model.decoder.rnn"], strict=True):
        assert meets[f"{writer} → {reader}"] == "permutation and positive scale"
    hidden = known["_model.decoder.rnn → _model.decoder.decoder.2"]
    assert (hidden.group, hidden.size) == ("permutation", 128)
    assert "_model.decoder.rnn.weight_hh" in hidden.parameters
    unused = [name for name in known.reasons if name.startswith("_model_8k.")]
    assert {known.reasons[name] for name in unused} == {"it was not used on this batch"}
