"""``methexis explain`` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from methexis.core.linalg import random_orthogonal
from tests.cli.test_cli import call, invoke


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 4)) * [1.0, 0.8, 0.6, 0.4]
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x @ random_orthogonal(4, rng))
    np.save(tmp_path / "short.npy", x[:79])
    np.savez(tmp_path / "model.npz", h1=x, h2=x[:, ::-1])
    return tmp_path


def test_help() -> None:
    done = call("explain", "--help")
    assert done.returncode == 0
    assert "Example: methexis explain model-a/" in done.stdout


def test_a_pair(files: Path) -> None:
    done = invoke("explain", "x.npy", "y.npy", cwd=files)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "x.npy and y.npy are the same up to a rotation and a scale." in said
    folder = files / "methexis-explain-x-y"
    assert (folder / "report.html").exists()
    summary = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert summary["pairs"][0]["rung"] == "rotation"
    again = invoke("explain", "x.npy", "y.npy", cwd=files)
    assert again.returncode == 2
    assert "--force" in again.stderr


def test_json_of_many(files: Path) -> None:
    done = invoke("explain", "model.npz", "--json", "--out", "out", cwd=files)
    assert done.returncode == 0, done.stderr
    assert [one["rung"] for one in json.loads(done.stdout)["pairs"]] == ["permutation"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("x.npy", "short.npy"), "expected 80 rows"),
        (("x.npy",), "B: expected another file"),
        (("x.npy", "y.npy", "--material", "0"), "material: expected"),
        (("x.npy", "y.npy", "--preprocessing", "none of these"), "preprocessing: expected"),
        (("absent.npy", "y.npy"), "absent.npy"),
    ],
)
def test_bad_input_is_one_sentence(files: Path, words: tuple[str, ...], message: str) -> None:
    done = invoke("explain", *words, "--out", "out", cwd=files)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (files / "out").exists()
