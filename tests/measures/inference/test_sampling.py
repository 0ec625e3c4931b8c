"""A random part of the samples: the same rows of everything, and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binom

import methexis as mx
from methexis.measures.inference.sampling import sample_of, sampled
from methexis.representations import load

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 5))
Y = X @ RNG.normal(size=(5, 4)) + 0.7 * RNG.normal(size=(120, 4))
ROWS = sample_of(120, 40, 3).rows
SAID = "a random 40 of 120 samples (seed 3)"


def same(one: Any, other: Any) -> None:
    """See that two comparisons differ in nothing but what is said of the sample."""
    given, plain = one.as_dict(), other.as_dict()
    assert given.pop("notes") == (SAID, *plain.pop("notes"))
    assert given == plain


@pytest.mark.parametrize("measure", ["cka", "mutual_knn", "procrustes"])
def test_a_sample_is_a_comparison_of_those_rows(measure: str) -> None:
    found = mx.compare(X, Y, measure, sample=40, seed=3)
    assert found.n == 40
    same(found, mx.compare(X[ROWS], Y[ROWS], measure, seed=3))


def test_whatever_holds_the_rows(tmp_path: Path) -> None:
    plain = mx.compare(X[ROWS], Y[ROWS], seed=3)
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "y.npz", y=Y)
    for one in (X.tolist(), str(tmp_path / "x.npy"), load(tmp_path / "x.npy")):
        same(mx.compare(one, load(tmp_path / "y.npz"), sample=40, seed=3), plain)
    tensors = mx.compare(torch.tensor(X), torch.tensor(Y), sample=40, seed=3)
    assert tensors.score == pytest.approx(plain.score)
    coarse = [torch.tensor(one).to(torch.bfloat16) for one in (X, Y)]
    whole = mx.compare(*(one[torch.tensor(ROWS)] for one in coarse), seed=3)
    assert mx.compare(*coarse, sample=40, seed=3).preprocessing == whole.preprocessing


def test_rows_and_columns_of_dissimilarities() -> None:
    rdm = mx.measures.rdm(X)
    found = mx.compare(rdm, Y, "rsa", sample=40, seed=3)
    assert found.score == pytest.approx(mx.measures.rsa(X[ROWS], Y[ROWS]))
    assert found.n == 40


def test_references_and_repetitions_are_of_the_same_rows() -> None:
    untrained, again = RNG.normal(size=(120, 4)), X + 0.1 * RNG.normal(size=(3, 120, 5))
    found = mx.compare(
        X, Y, references={"untrained": untrained, "r": "random"}, repeats=again, sample=40, seed=3
    )
    plain = mx.compare(
        X[ROWS],
        Y[ROWS],
        references={"untrained": untrained[ROWS], "r": "random"},
        repeats=again[:, ROWS],
        seed=3,
    )
    assert found.levels is not None
    assert plain.levels is not None
    assert [(one.name, one.score) for one in found.levels.marks] == [
        (one.name, one.score) for one in plain.levels.marks
    ]


def test_grids_of_a_sample(tmp_path: Path) -> None:
    a, b = {"h1": X, "h2": X**2}, {"h1": Y}
    found = mx.compare_all(a, b, sample=40, seed=3, num_permutations=19)
    plain = mx.compare_all(
        {name: array[ROWS] for name, array in a.items()}, {"h1": Y[ROWS]}, seed=3,
        num_permutations=19,
    )  # fmt: skip
    assert found.data.attrs["n"] == 40
    assert SAID in found.notes
    assert found.data.drop_attrs().equals(plain.data.drop_attrs())
    alone = mx.compare_all(a, sample=40, seed=3, num_permutations=19)
    assert alone.data.attrs["n"] == 40
    # One pass over the rows has it too.
    narrow = mx.compare_all(a, b, sample=40, seed=3, memory="100 kB")
    assert narrow.one_pass
    assert SAID in narrow.notes


def test_rows_are_uniform_and_without_repetition() -> None:
    """Of 6 rows each is in 2 of 6 samples; 4000 seeds to four standard errors."""
    counts = np.zeros(6, dtype=int)
    for seed in range(4000):
        rows = sample_of(6, 2, seed).rows
        assert rows[0] < rows[1]
        counts[rows] += 1
    low, high = binom.interval(1 - 6e-5, 4000, 1 / 3)
    assert low <= counts.min()
    assert counts.max() <= high
    assert sample_of(6, 6, 0).rows.tolist() == list(range(6))


def test_what_is_refused() -> None:
    with pytest.raises(mx.MethexisError, match="sample: expected at most the 120 samples that the"):
        mx.compare(X, Y, sample=121)
    with pytest.raises(mx.MethexisError, match="sample: expected"):
        mx.compare(X, Y, sample=0)
    with pytest.raises(mx.MethexisError, match="sample: expected"):
        mx.compare_all([X, Y], sample="many")  # type: ignore[arg-type]
    with pytest.raises(mx.MethexisError, match="expected at least 4 rows"):
        mx.compare(X, Y, "mutual_knn", sample=3)
    with pytest.raises(mx.MethexisError, match="expected paired rows"):  # as without a sample
        mx.compare(X, Y[:50], sample=10)
    assert sampled(None, [X, Y], 0) is None
