"""``methexis canonicalize``: a new file of weights of the same function, never over an old one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from methexis.cli.app import app

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402  after torch is known to be there

MODELS = '''
"""A model that a user makes."""
import torch
from torch import nn

def relu():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.Linear(5, 2))
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "own_nets.py").write_text(MODELS)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(80, 4)))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("own_nets", None)


def call(*words: str) -> Any:
    return CliRunner().invoke(app, ["canonicalize", *words])


def test_help() -> None:
    done = call("--help")
    assert done.exit_code == 0
    assert "Example: methexis canonicalize my-encoder/" in done.stdout


@pytest.mark.parametrize("by", ["norm", "activations"])
def test_a_model(folder: Path, by: str) -> None:
    done = call("own_nets:relu", "x.npy", "--out", "new.safetensors", "--by", by)
    assert done.exit_code == 0, done.output
    assert f"2 interfaces were balanced by {by}" in " ".join(done.stdout.split())
    assert "0 → 2: permutation and positive scale of 6, gap" in done.stdout
    sys.path.insert(0, str(folder))
    try:
        import own_nets  # noqa: PLC0415  which the fixture wrote
    finally:
        sys.path.remove(str(folder))
    old, new = own_nets.relu().eval(), own_nets.relu().eval()
    new.load_state_dict(load_file(folder / "new.safetensors"))
    x = torch.from_numpy(np.load("x.npy")).float()
    with torch.no_grad():
        torch.testing.assert_close(old(x), new(x), rtol=1e-5, atol=1e-5)
    assert not torch.equal(old[0].weight, new[0].weight)


def test_json_and_nothing_written_over(folder: Path) -> None:
    words = ("own_nets:relu", "x.npy", "--out", "new.safetensors", "--json")
    done = call(*words)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["proved"] is True
    assert told["num_samples"] == 64
    before = (folder / "new.safetensors").read_bytes()
    again = call(*words)
    assert again.exit_code == 2
    assert "where there is something; nothing is written over" in again.stderr
    assert (folder / "new.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("own_nets:relu", "x.npy", "--out", "new.pt"), "a name that ends in .safetensors"),
        (("own_nets:relu", "x.npy", "--out", "n.safetensors", "--by", "entropy"), "need a loss"),
        (("own_nets:none", "x.npy", "--out", "n.safetensors"), "MODEL: expected a function"),
        (("own_nets:relu", "y.npy", "--out", "n.safetensors"), "y.npy"),
    ],
)
def test_one_sentence(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = call(*words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not list(folder.glob("*.safetensors"))
