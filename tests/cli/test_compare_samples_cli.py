"""What `methexis compare` does with a part of the samples, with items, and over scales and n."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import methexis as mx
from methexis.measures.inference.sampling import sample_of
from tests.cli.test_cli import invoke


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two representations of 50 samples, and three layers of a model."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(50, 4))
    np.save(tmp_path / "x.npy", shared @ rng.normal(size=(4, 5)))
    np.save(tmp_path / "y.npy", shared @ rng.normal(size=(4, 6)))
    (tmp_path / "m").mkdir()
    for k in (1, 2, 10):
        np.save(tmp_path / "m" / f"layer{k}.npy", shared @ rng.normal(size=(4, 3)))
    return tmp_path


def test_a_sample_of_the_rows_is_said_and_stored(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows of all layers, of B and of a reference."""
    monkeypatch.chdir(files)
    words = ("compare", "m", "y.npy", "--reference", "r=x.npy", "--sample", "30", "--seed", "2")
    done = invoke(*words, "-m", "cka", "--permutations", "19", "--out", "part")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("30 of 50 samples, drawn at random (seed 2)") == 2
    assert "30 samples × " in done.stdout
    stored = json.loads((files / "part" / "result.json").read_text())
    assert stored["sample"] == {"num_samples": 30, "of": 50}
    assert "A random 30 of 50 samples (seed 2)" in (files / "part" / "report.html").read_text()
    rows = sample_of(50, 30, 2).rows
    scores = [
        mx.measures.cka(np.load(f"m/layer{k}.npy")[rows], np.load("y.npy")[rows])
        for k in (1, 2, 10)
    ]
    np.testing.assert_allclose(np.ravel(stored["measures"][0]["score"]), scores, rtol=1e-6)
    refused = invoke(*words[:3], "--sample", "51", "--out", "more")
    assert refused.returncode == 2
    assert "--sample: expected at most the 50 samples that there are, got 51" in refused.stderr


@pytest.fixture
def captions(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Two layers of 40 images, two of 120 captions in a random order, and their items."""
    rng = np.random.default_rng(3)
    images = rng.normal(size=(40, 5))
    item = rng.permutation(np.repeat(np.arange(40), 3))
    for name, rows in (("images", images), ("captions", images[item])):
        (tmp_path / name).mkdir()
        for k in range(2):
            noisy = rows + 0.5 * rng.normal(size=rows.shape)
            np.save(tmp_path / name / f"h{k}.npy", noisy @ rng.normal(size=(5, 4)))
    (tmp_path / "items.txt").write_text("".join(f"{k}\n" for k in item))
    np.save(tmp_path / "items.npy", item)
    return tmp_path, item


def test_items_with_several_rows(
    captions: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grid, and one pair with its interval, are those of the library."""
    folder, item = captions
    monkeypatch.chdir(folder)
    words = ("compare", "images", "captions", "-m", "cka", "--permutations", "19")
    done = invoke(*words, "--items", "B=items.txt", "--out", "all")
    assert done.returncode == 0, done.stderr
    assert "40 items with 1 row in A, 3 in B: the mean score of 20 choices" in " ".join(
        done.stdout.split()
    )
    stored = json.loads((folder / "all" / "result.json").read_text())
    assert stored["items"] == {"num_items": 40, "rows": [40, 120], "files": ["B=items.txt"]}
    layers = [
        {f"h{k}": np.load(folder / name / f"h{k}.npy") for k in range(2)}
        for name in ("images", "captions")
    ]
    grid = mx.compare_all(*layers, items=(range(40), item), num_permutations=19)
    measured = stored["measures"][0]
    np.testing.assert_allclose(measured["score"], grid.score)
    np.testing.assert_allclose(measured["p_corrected"], grid.p_corrected)
    assert "40 items with 40 rows of A and 120 of B" in (folder / "all/report.html").read_text()
    one = ("compare", "images/h0.npy", "captions/h1.npy", "-m", "cka", "--permutations", "19")
    both = ("--items", "B=items.npy", "--bootstrap", "19", "--out", "one", "--json")
    single = json.loads(invoke(*one, *both).stdout)["measures"][0]
    pair = mx.measures.compare_items(
        layers[0]["h0"], layers[1]["h1"], (range(40), item), num_permutations=19, num_bootstrap=19
    )
    assert single["score"] == [[pytest.approx(pair.score)]]
    assert single["ci"] == pytest.approx(list(pair.ci))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("images", "--items", "A=items.txt"), "items: expected two models, got one"),
        (
            ("images", "captions", "--items", "A=items.txt"),
            "items: expected a label for each of the 40 rows of A, got 120 in items.txt",
        ),
        (
            ("images", "captions", "--items", "B=images/h0.npy"),
            "images/h0.npy: expected a file with one label per row, lines of text or a .npy of",
        ),
        (("images", "captions", "--items", "B=gone.txt"), "gone.txt: expected a file, got an erro"),
        (("images", "captions", "--items", "B=bad.txt"), "a label in every line, got none in 2"),
        (
            ("images", "captions", "--items", "B=items.txt", "--sample", "9"),
            "sample: expected none with items that have several rows",
        ),
        (
            ("images", "captions", "--items", "B=items.txt", "--reference", "r=images"),
            "reference: expected none with items that have several rows",
        ),
        (
            ("images", "captions", "--items", "B=other.txt"),
            "expected the same items on both sides, got '39' in A and not in B",
        ),
    ],
)
def test_items_that_do_not_fit(
    captions: tuple[Path, np.ndarray],
    words: tuple[str, ...],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, item = captions
    monkeypatch.chdir(folder)
    (folder / "bad.txt").write_text("0\n\n1\n")
    (folder / "other.txt").write_text("\n".join(str(min(k, 38)) for k in item))
    done = invoke("compare", *words, "-m", "cka", "--out", "o")
    assert done.returncode == 2
    assert expected in done.stderr


def test_scales_and_curves_are_said(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(100, 3))
    np.save("a.npy", x)
    np.save("b.npy", x + rng.normal(size=x.shape))
    common = ("--permutations", "19", "--bootstrap", "9", "--out", "o", "--force")
    done = invoke("compare", "a.npy", "b.npy", "-m", "mutual_knn:k=3", "--curve", *common)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    scales = mx.measures.neighbour_scales(x, np.load("b.npy"))
    assert f"over scales {scales.said()}" in text
    assert "over samples. The best of 1 pairs (" in text
    stored = json.loads(Path("o/result.json").read_text())["measures"][0]
    assert stored["scales"]["scores"] == scales.scores.tolist()
    assert stored["over_samples"]["ns"] == [100, 50, 25, 12]
    page = Path("o/report.html").read_text()
    assert 'id="mutual_knn_scales"' in page
    assert 'id="mutual_knn_samples"' in page
