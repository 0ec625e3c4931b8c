"""``methexis translate`` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import methexis as mx
from methexis.core.linalg import random_orthogonal
from tests.cli.test_cli import call, invoke
from tests.report.translate_results import clustered


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
    rows = clustered(400, 40)
    np.save(tmp_path / "rows.npy", rows)
    np.save(tmp_path / "order.npy", order := rng.permutation(400))
    np.save(tmp_path / "mixed.npy", (rows @ random_orthogonal(40, rng))[order])
    np.save(tmp_path / "others.npy", rng.exponential(size=(300, 36)))
    np.save(tmp_path / "gaussian.npy", rng.normal(size=(400, 40)))
    np.save(tmp_path / "hole.npy", np.where(np.arange(400)[:, None] == 7, np.nan, rows))
    np.save(tmp_path / "constant.npy", np.ones((400, 40)))
    np.save(tmp_path / "one.npy", rows[:1])
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


def test_without_pairs_partners_are_found(files: Path) -> None:
    words = ("translate", "rows.npy", "mixed.npy", "--unpaired", "--shared")
    done = invoke(*words, cwd=files)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert said.startswith("Found: the map between rows.npy and mixed.npy would find")
    folder = files / "methexis-translate-rows-mixed"
    assert (folder / "report.html").exists()
    summary = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert summary["translation"]["certificate"]["found"] is True
    assert summary["command"] == "methexis " + " ".join(words)
    translation = mx.open_translation(folder / "maps.npz")
    x, y, order = (np.load(files / f"{name}.npy") for name in ("rows", "mixed", "order"))
    assert isinstance(translation, mx.UnpairedTranslation)
    right = np.mean(order[translation.match(x, y).rows] == np.arange(400))
    assert right > 0.8
    # 160 rows tell the estimate: four standard errors of a share of .85.
    assert abs(right - translation.certificate.top1) < 0.11
    assert translation.sentence == summary["conclusion"]
    again = invoke(*words, cwd=files)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert invoke(*words, "--force", "--json", cwd=files).returncode == 0


def test_json_of_what_was_not_found(files: Path) -> None:
    words = ("--unpaired", "--pair", "3,5", "--json", "--out", "out")
    done = invoke("translate", "rows.npy", "others.npy", *words, cwd=files)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["conclusion"].startswith("Not found: do not use the map")
    assert summary["settings"]["pair"] == [3, 5]
    assert summary["notes"][:2] == [
        "More rows help most, or --shared if both sides hold the same samples; 20 known pairs or "
        "more need no --unpaired",
        "Row 3 of A and row 5 of B were taken for a pair",
    ]


def test_how_long_a_step_takes_is_told(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of steps that cannot say how far they are the time is told, where it is asked for."""
    monkeypatch.setattr("methexis.cli.progress.time.monotonic", iter(range(0, 10**6, 11)).__next__)
    done = invoke("translate", "rows.npy", "mixed.npy", "--unpaired", "--shared", cwd=files)
    assert done.returncode == 0
    assert "... translate: maps, 1 of 3" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rows.npy", "gaussian.npy"), "gaussian.npy: expected samples of a law that is not Gauss"),
        (("hole.npy", "mixed.npy"), "nan"),
        (("rows.npy", "one.npy"), "one.npy: expected at least 4 rows"),
        (("x.npy", "mixed.npy"), "x.npy: expected at least 100 rows, got 80"),
        (("rows.npy", "constant.npy"), "constant.npy: expected"),
        (("rows.npy", "mixed.npy", "--pair", "3"), "--pair: expected I,J"),
        (("rows.npy", "mixed.npy", "--pair", "3,400"), "pair: expected"),
        (("rows.npy", "mixed.npy", "--pair=-1,4"), "--pair: expected I,J"),
        (("rows.npy", "mixed.npy", "--map", "linear"), "which takes pairs to learn"),
        (("rows.npy", "mixed.npy", "--map", "scaled"), "--map: expected 'rotation' or 'auto'"),
        (("rows.npy", "mixed.npy", "--ridge", "1"), "--ridge: expected none with --unpaired"),
        (("rows.npy", "mixed.npy", "--seed", "-1"), "--seed: expected"),
        (("rows.npy", "mixed.npy", "--preprocessing", "any"), "--preprocessing: expected"),
        (("model.npz", "mixed.npy"), "layer-a: expected one layer"),
    ],
)
def test_without_pairs_bad_input_is_one_sentence(
    files: Path, words: tuple[str, ...], message: str
) -> None:
    done = invoke("translate", *words, "--unpaired", "--out", "out", cwd=files)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (files / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("x.npy", "short.npy"), "expected 80 rows"),
        (("x.npy", "short.npy"), "where rows are no pairs, ask for a translation without: --unp"),
        (("x.npy", "y.npy", "--shared"), "--shared: expected --unpaired beside it"),
        (("x.npy", "y.npy", "--pair", "0,0"), "--pair: expected --unpaired beside it"),
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
