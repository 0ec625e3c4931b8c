"""``methexis translate`` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import methexis as mx
from methexis.core.linalg import random_orthogonal
from tests.cli.test_cli import call, invoke


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 4)) * [1.0, 0.8, 0.6, 0.4]
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x @ random_orthogonal(4, rng))
    np.save(tmp_path / "short.npy", x[:79])
    np.save(tmp_path / "few.npy", x[:12])
    np.save(tmp_path / "nan.npy", np.where(np.arange(80)[:, None] == 7, np.nan, x))
    np.save(tmp_path / "noise.npy", rng.normal(size=(80, 3)))
    np.savez(tmp_path / "model.npz", h1=x, h2=x[:, ::-1])
    return tmp_path


def test_help() -> None:
    done = call("translate", "--help")
    assert done.returncode == 0
    assert "Example: methexis translate old.npy new.npy" in done.stdout


def test_a_pair(files: Path) -> None:
    done = invoke("translate", "x.npy", "y.npy", cwd=files)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "a rotation predicts 100.0 % (100.0 to 100.0 %) of the variance of y.npy" in said
    folder = files / "methexis-translate-x-y"
    assert (folder / "report.html").exists()
    summary = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert summary["translation"]["map"] == "rotation"
    translation = mx.open_translation(folder / "maps.npz")
    x, y = np.load(files / "x.npy"), np.load(files / "y.npy")
    np.testing.assert_allclose(translation.forward(x), y, atol=1e-10)
    again = invoke("translate", "x.npy", "y.npy", cwd=files)
    assert again.returncode == 2
    assert "--force" in again.stderr


def test_json_of_layers_of_one_model(files: Path) -> None:
    words = ("--layer-a", "h1", "--layer-b", "h*2", "--json", "--out", "out")
    done = invoke("translate", "model.npz", "model.npz", *words, cwd=files)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["translation"]["names"] == ["h1", "h2"]


def test_what_is_unrelated_is_not_to_be_translated(files: Path) -> None:
    done = invoke("translate", "x.npy", "noise.npy", "--out", "out", cwd=files)
    assert done.returncode == 0
    assert "Do not translate between x.npy and noise.npy" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("x.npy", "short.npy"), "expected 80 rows"),
        (("few.npy", "few.npy"), "expected at least 20 samples that differ"),
        (("nan.npy", "y.npy"), "nan"),
        (("model.npz", "y.npy"), "layer-a: expected one layer"),
        (("model.npz", "y.npy", "--layer-a", "h3"), "layer-a: expected the name of a layer"),
        (("x.npy", "y.npy", "--map", "affine"), "map: expected"),
        (("x.npy", "y.npy", "--map", "rotation", "--ridge", "1"), "ridge: expected none"),
        (("x.npy", "y.npy", "--ridge", "-1"), "ridge: expected"),
        (("x.npy", "y.npy", "--preprocessing", "none of these"), "preprocessing: expected"),
        (("absent.npy", "y.npy"), "absent.npy"),
    ],
)
def test_bad_input_is_one_sentence(files: Path, words: tuple[str, ...], message: str) -> None:
    done = invoke("translate", *words, "--out", "out", cwd=files)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (files / "out").exists()
