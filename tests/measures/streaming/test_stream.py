"""One pass over rows on disk: the scores of the same rows in memory, in memory that stays small."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import methexis as mx
from methexis.core.checks import Array
from methexis.measures import MEASURES, stream
from tests.measures.cases import VARIANTS, label, measured, related

STREAMING = [measure for measure in VARIANTS if measure.streams]


class Slices:
    """An array-like that counts how often each row is read."""

    def __init__(self, array: Array, chunk: int = 1) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.chunks = (chunk, array.shape[1])
        self.read = np.zeros(len(array), dtype=int)
        self.heights: list[int] = []

    def __getitem__(self, rows: slice) -> Array:
        self.read[rows] += 1
        self.heights.append(len(self.array[rows]))
        return self.array[rows]


@pytest.mark.parametrize("measure", STREAMING, ids=label)
@pytest.mark.parametrize("height", [7, 64])
def test_scores_are_those_in_memory(
    measure: Any, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("methexis.measures.streaming.pass_moments.MOST_ROWS", height)
    x, y = related(n=300)
    found = stream(x, y, measure).scores[measure.title]
    # Rounding; condition numbers are about 20, which second moments square.
    assert found == pytest.approx(measured(measure, x, y), rel=1e-9, abs=1e-10)


def test_measures_that_must_stream_do() -> None:
    names = {measure.name for measure in STREAMING}
    assert names >= {"cka", "rv", "hsic", "procrustes", "cca"} & set(MEASURES)
    titles = {measure.title for measure in STREAMING}
    assert {"linear CKA", "debiased linear CKA"} <= titles


@pytest.mark.parametrize("debiased", [False, True])
def test_a_large_mean_costs_nothing(debiased: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Means of 10⁵ standard deviations: numbers keep 11 digits, their squares would keep 6."""
    monkeypatch.setattr("methexis.measures.streaming.pass_moments.MOST_ROWS", 100)
    x, y = related(n=2000)
    measure = mx.measures.CKA(debiased=debiased)
    expected = measured(measure, x, y)
    found = stream(x + 1e5, y - 1e5, measure).scores[measure.title]
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_first_block_unlike_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The means of blocks drift by three deviations; the formulas are exact all the same."""
    monkeypatch.setattr("methexis.measures.streaming.pass_moments.MOST_ROWS", 50)
    x, y = related(n=1000)
    drift = np.linspace(0.0, 10.0, 1000)[:, None]
    measure = mx.measures.CKA(debiased=True)
    found = stream(x + drift, y - 2.0 * drift, measure).scores[measure.title]
    assert found == pytest.approx(measured(measure, x + drift, y - 2.0 * drift), rel=1e-11)


def test_every_row_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("methexis.measures.streaming.pass_moments.MOST_ROWS", 70)
    x, y = (Slices(v, chunk=32) for v in related(n=300))
    stream(x, y, ["cka", mx.measures.CKA(debiased=True)])
    for side in (x, y):
        assert side.heights[1:-1] == [64] * 4  # whole chunks
        assert (side.read[1:] == 1).all()
        assert side.read[0] == 2  # the first one shows what numbers there are


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_files(tmp_path: Path, order: Any, dtype: str) -> None:
    x, y = (np.asarray(v, dtype=dtype, order=order) for v in related(n=200))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    expected = measured(mx.measures.CKA(), x, y)
    paths = [tmp_path / "x.npy", str(tmp_path / "y.npy")]
    assert stream(*paths).scores["linear CKA"] == pytest.approx(expected, rel=1e-12)
    mapped = [np.load(path, mmap_mode="r") for path in paths]
    assert stream(*mapped).scores["linear CKA"] == pytest.approx(expected, rel=1e-12)
    stores = [
        zarr.create_array(tmp_path / f"{k}.zarr", data=v, chunks=(30, 5))
        for k, v in enumerate((x, y))
    ]
    assert stream(*stores).scores["linear CKA"] == pytest.approx(expected, rel=1e-12)


def test_torch_tensors() -> None:
    torch = pytest.importorskip("torch")
    x, y = (torch.asarray(v) for v in related(n=100))
    assert stream(x, y).scores["linear CKA"] == pytest.approx(measured(mx.measures.CKA(), x, y))


def test_memory_is_kept() -> None:
    """Blocks and moments, as NumPy counts them, within what was given."""
    rng = np.random.default_rng(0)
    x, y = Slices(rng.normal(size=(20000, 60))), Slices(rng.normal(size=(20000, 50)))
    stream(x, y)  # whatever is imported or cached at first use
    budget = 2 * 2**20
    tracemalloc.start()
    stream(x, y, memory=budget)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(x.heights) > 4
    assert peak < budget


def test_progress() -> None:
    seen: list[tuple[int, int]] = []
    x, y = related(n=50)
    stream(x, y, progress=lambda *done: seen.append(done))
    assert seen == [(50, 50)]


def _bad(row: int) -> Array:
    x, _ = related(n=300)
    x[row, 2] = np.inf
    return x


@pytest.mark.parametrize(
    ("x", "words", "message"),
    [
        (_bad(250), {}, "X: expected finite numbers, got inf in row 250, column 2"),
        (np.ones((299, 3)), {}, "expected paired rows"),
        (np.ones(300), {}, r"X: expected an array \(num_samples, num_features\)"),
        (np.ones((300, 3), dtype=complex), {}, "X: expected real numbers"),
        ([[1.0]], {}, "X: expected a .npy file or an array"),
        (
            "nothing.npy",
            {},
            "X: expected a .npy file that holds one .* nothing.npy, which is no",
        ),
        (np.ones((300, 3)), {"measures": "mutual_knn"}, "measures: expected what one pass"),
        (np.ones((300, 3)), {"measures": ["cka", 3]}, "measure: expected a name, such as 'cka'"),
        # as `compare` has its third argument first
        ("cka", {"measures": related(n=300)[0]}, "measure: expected a name, such as 'cka'.* array"),
        (np.ones((300, 3)), {"memory": 3000}, "memory: expected at least"),
    ],
)
def test_bad_input(x: Any, words: dict[str, Any], message: str) -> None:
    with pytest.raises(mx.MethexisError, match=message):
        stream(x, related(n=300)[1], **words)


def test_a_truncated_file(tmp_path: Path) -> None:
    x, y = related(n=300)
    np.save(tmp_path / "x.npy", x)
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-100])
    with pytest.raises(mx.MethexisError, match="X: expected"):
        stream(tmp_path / "x.npy", y)


def test_files_of_another_kind_are_refused_in_our_words(tmp_path: Path) -> None:
    x, y = related(n=300)
    np.savez(tmp_path / "x.npz", a=x)
    (tmp_path / "x.safetensors").write_bytes(b"no array")
    (tmp_path / "empty.npy").touch()
    (tmp_path / "zip.npy").write_bytes(b"PK\x03\x04 and no more")
    for name in ("x.npz", "x.safetensors", "empty.npy", "zip.npy"):
        with pytest.raises(mx.MethexisError) as error:
            stream(tmp_path / name, y)
        text = str(error.value)
        assert text.startswith("X: expected a .npy file that holds one array of numbers (or an arr")
        assert text.endswith(f"{name}, which is damaged, truncated or of another kind")
        assert "pickle" not in text


def test_it_prints_a_line_for_each_score() -> None:
    x, y = related(n=300)
    found = stream(x, y, ["cka", "procrustes"])
    chance = found.chances["linear CKA"]
    assert chance is not None
    assert str(found).split("\n") == [
        f"linear CKA {found.scores['linear CKA']:.4f}, by chance {chance.mean:.4f} ± "
        f"{chance.sd:.4f} (n 300, d 6 and 5)",
        f"Procrustes score {found.scores['Procrustes score']:.4f} (n 300, d 6 and 5)",
    ]


def test_a_constant_representation_scores_nothing() -> None:
    _, y = related(n=300)
    with pytest.warns(mx.errors.DegenerateWarning, match="NaN"):
        assert np.isnan(stream(np.ones((300, 3)), y).scores["linear CKA"])
