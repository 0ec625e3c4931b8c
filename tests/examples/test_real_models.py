"""The example of real models writes what its networks compute; the language models are not here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
from examples import real_models  # noqa: E402  what it needs is there


def test_digits_write_layers_of_every_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_models, "EPOCHS", 1)
    real_models.main(["digits", "--out", str(tmp_path)])
    found = {path.stem: np.load(path) for path in tmp_path.glob("*.npz")}
    assert set(found) == {"mlp", "mlp-untrained", "cnn", "pixels"}
    rows = {array.shape[0] for layers in found.values() for array in layers.values()}
    assert rows == {597}
    assert not np.allclose(found["mlp"]["5"], found["mlp-untrained"]["5"])


def test_hooks_keep_what_the_modules_return() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    x = torch.randn(5, 3)
    kept = real_models.hooked(model, ("1", "2"), x)
    with torch.no_grad():
        np.testing.assert_array_equal(kept["1"], model[:2](x).numpy())
        np.testing.assert_array_equal(kept["2"], model(x).numpy())
    assert not model[1]._forward_hooks


def test_crops_are_of_one_size_and_differ() -> None:
    crops = real_models.photographs(6, seed=1)
    assert crops.shape == (6, 3, real_models.SIDE, real_models.SIDE)
    assert float(crops.abs().max()) <= 1.0
    assert len({float(crop.sum()) for crop in crops}) == 6
    assert torch.equal(crops, real_models.photographs(6, seed=1))


def test_texts_are_needed_by_the_sentence_encoder(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        real_models.main(["minilm"])
    assert "one sample per line" in capsys.readouterr().err
