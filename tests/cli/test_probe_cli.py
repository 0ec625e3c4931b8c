"""``methexis probe``: models and data as files, and one sentence for what is none."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from methexis.cli.app import app
from methexis.representations import load

torch = pytest.importorskip("torch")

MODELS = '''
"""Models that a user makes."""
import torch
from torch import nn

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(128, 6)
        self.blocks = nn.ModuleList([nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 4)])

    def forward(self, input_ids, attention_mask):
        x = self.embed(input_ids)
        for block in self.blocks:
            x = block(x)
        return x

def tokens(lines):
    wide = max(map(len, lines))
    ids = torch.tensor([[min(ord(s), 127) for s in line.ljust(wide)] for line in lines])
    mask = torch.tensor([[k < len(line) for k in range(wide)] for line in lines])
    return {"input_ids": ids, "attention_mask": mask.long()}

def made(seed):
    torch.manual_seed(seed)
    return Encoder(), tokens

def first(): return made(0)
def second(): return made(1)
def perceptron():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh())
def convolution():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
def none(): return 3
def fails(): raise RuntimeError("no such luck")
'''
TEXTS = [f"{word} number {k}" for k in range(12) for word in ("a line", "another")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "own_models.py").write_text(MODELS)
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n\n")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 4)))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("own_models", None)


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["probe", *words])


def ok(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 0, done.output
    return str(done.stdout)


def error(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 2, done.output
    lines = [line for line in done.stderr.splitlines() if not line.startswith("probe:")]
    assert len(lines) == 1, done.stderr
    assert not any(path.suffix == ".zarr" for path in Path().iterdir())
    return lines[0]


def test_texts_with_the_tokens_of_the_model(folder: Path) -> None:
    text = ok("own_models:first", "texts.txt", "--batch", "5")
    assert "3 layers of 24 samples, known by lines of text, in first-texts.zarr" in text
    found = load(folder / "first-texts.zarr")
    assert found.names == ["blocks.0", "blocks.1", "blocks.2"]
    model, tokens = sys.modules["own_models"].first()
    with torch.no_grad():
        given = tokens(TEXTS)
        states = model.blocks[0](model.embed(given["input_ids"]))
        right = (states * given["attention_mask"][..., None]).sum(1)
        right /= given["attention_mask"].sum(1)[:, None]
    assert np.allclose(found.layers[0].array, right.numpy(), atol=1e-6)


def test_two_models_then_a_report(folder: Path) -> None:
    text = ok("own_models:first", "own_models:second", "texts.txt", "--untrained")
    assert "next: methexis compare first-texts.zarr second-texts.zarr" in text
    words = ["compare", "first-texts.zarr", "second-texts.zarr", "-m", "cka:debiased=true"]
    words += ["--permutations", "19", "--json"]
    done = CliRunner().invoke(app, [*words, "--out", "report"])
    assert done.exit_code == 0, done.output
    assert "B: read against its untrained twin, second-texts-untrained.zarr" in done.stderr
    assert "untrained" in done.stdout
    assert (folder / "report" / "report.html").exists()
    done = CliRunner().invoke(app, [*words, "--out", "plain", "--no-references"])
    assert "untrained twin" not in done.stderr


def test_an_untrained_twin_that_is_another_is_refused(folder: Path) -> None:
    ok("own_models:first", "own_models:second", "texts.txt", "--untrained")
    os.rename("first-texts-untrained.zarr", "old.zarr")
    compare = ["compare", "second-texts.zarr", "first-texts.zarr", "--out"]
    done = CliRunner().invoke(app, [*compare, "a", "--permutations", "19", "-m", "cka"])
    assert "first-texts-untrained.zarr, is not there any more" in done.stderr
    assert done.exit_code == 0
    ok("own_models:second", "texts.txt", "--out", "first-texts-untrained.zarr")
    done = CliRunner().invoke(app, [*compare, "b", "--permutations", "19", "-m", "cka"])
    assert done.exit_code == 2
    assert "expected the twin with which first-texts.zarr was probed" in done.stderr


def test_arrays_and_names(folder: Path) -> None:
    ok("own_models:perceptron", "x.npy", "--layers", "0")
    found = load(folder / "perceptron-x.zarr")
    with torch.no_grad():
        model = sys.modules["own_models"].perceptron()
        right = model[0](torch.tensor(np.load("x.npy"), dtype=torch.float32))
    assert np.allclose(found.layers[0].array, right.numpy(), atol=1e-6)
    Path("names.txt").write_text("\n".join(f"n{k}" for k in range(20)))
    ok("own_models:perceptron", "x.npy", "--ids", "names.txt", "--out", "named.zarr")
    assert load(folder / "named.zarr").about["names"] == "given names"
    ok("own_models:perceptron", "x.npy", "--sample", "8", "--seed", "1", "--out", "few.zarr")
    assert load(folder / "few.zarr").num_samples == 8


def test_images(folder: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (folder / "pictures").mkdir()
    generator = np.random.default_rng(0)
    for k in range(5):
        pixels = generator.integers(0, 256, size=(40 + k, 50, 3), dtype=np.uint8)
        image.fromarray(pixels).save(folder / "pictures" / f"p{k}.png")
    (folder / "pictures" / "notes.txt").write_text("no image")
    text = ok("own_models:convolution", "pictures", "--size", "32")
    assert "5 samples, known by image files" in text
    assert "less ImageNet's mean" in text
    assert load(folder / "convolution-pictures.zarr").layers[0].shape == (5, 4)
    (folder / "pictures" / "p9.png").write_bytes(b"no image")
    done = run("own_models:convolution", "pictures", "--out", "b.zarr")
    assert done.exit_code == 2
    assert "p9.png: expected a whole image, got a damaged one" in done.stderr


def test_scripts(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.trace(torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.zeros(2, 4))
        torch.jit.save(module, "m.pt")
        text = ok("m.pt", "x.npy")
    assert "m: 1 layers of 20 samples" in text or "m: 1 layer" in text
    torch.save({"weight": torch.zeros(2)}, "weights.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = run("weights.pt", "x.npy", "--out", "w.zarr")
    assert done.exit_code == 2
    assert "expected TorchScript in weights.pt, got another kind of file" in done.stderr


def test_lists(folder: Path) -> None:
    text = ok("own_models:first", "texts.txt", "--list")
    assert "* blocks.0  Linear" in text
    assert "  embed     Embedding" in text
    found = json.loads(ok("own_models:first", "texts.txt", "--list", "--json"))
    shapes = {one["name"]: one["shape"] for one in found["layers"]}
    assert shapes["blocks.2"] == [None, shapes["embed"][1], 4]
    assert not any(path.suffix == ".zarr" for path in folder.iterdir())


def test_json(folder: Path) -> None:
    found = json.loads(ok("own_models:perceptron", "x.npy", "--json"))
    assert found["num_samples"] == 20
    assert found["probe"]["model"]["name"] == "perceptron"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["x.npy"], "expected a model, or several, and data, got 'x.npy' alone"),
        (["nowhere", "x.npy"], "expected a folder, a file or package.module:function"),
        (["own_models:nothing", "x.npy"], "expected a function without arguments"),
        (["own_models:fails", "x.npy"], "got RuntimeError: no such luck"),
        (["own_models:none", "x.npy"], "to return a model, or a model and a function"),
        (["no_such_module:f", "x.npy"], "got ModuleNotFoundError"),
        (["x.npy", "x.npy"], "MODEL: expected a folder of a Hugging Face model"),
        ([".", "x.npy"], "with config.json"),
        (["own_models:perceptron", "texts.txt"], "got text and no tokenizer beside the model"),
        (["own_models:perceptron", "nothing.npy"], "DATA: expected a whole .npy file"),
        (["own_models:perceptron", "nothing.txt"], "DATA: expected a text file in UTF-8"),
        (["own_models:perceptron", "."], "expected a folder with images"),
        (["own_models:perceptron", "x.npy", "--layers", "2"], "nearest are"),
        (["own_models:perceptron", "x.npy", "--pool", "median"], "pool: expected one of"),
        (["own_models:perceptron", "x.npy", "--batch", "0"], "batch: expected an integer >= 1"),
        (["own_models:perceptron", "x.npy", "--ids", "texts.txt"], "ids: expected one for each of"),
        (["own_models:first", "x.npy"], "expected the inputs that the model takes"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_bad_input_is_one_sentence(words: list[str], told: str) -> None:
    assert told in error(*words)


@pytest.mark.usefixtures("folder")
def test_one_store_for_several_models_is_refused() -> None:
    told = error("own_models:first", "own_models:second", "texts.txt", "--out", "a.zarr")
    assert "expected one model for one store" in told
    told = error("own_models:first", "own_models:first", "texts.txt")
    assert "expected models of different names" in told
