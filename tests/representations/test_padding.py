"""Padding never enters features: a mask leaves it out, and what looks like it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import MethexisError
from methexis.representations import load

LENGTHS = np.array([4, 2, 3, 5, 1, 5, 2, 3])


def tokens(fill: float = np.nan) -> Any:
    """Real tokens are random; what is behind the end of a sample is the fill."""
    array = np.random.default_rng(0).normal(size=(8, 5, 3))
    array[np.arange(5) >= LENGTHS[:, None]] = fill
    return array


def real() -> Any:
    return np.arange(5) < LENGTHS[:, None]


def loaded(folder: Path, array: Any, **options: Any) -> Any:
    np.save(folder / "x.npy", array)
    return load(folder / "x.npy", **options).layers[0]


@pytest.mark.parametrize("given", [LENGTHS, real(), real().astype(int), LENGTHS.astype(float)])
def test_a_mask_or_lengths_leave_padding_out(given: Any, tmp_path: Path) -> None:
    """Whatever padding holds, NaN included, the pooled features are those of each real sample."""
    array = tokens()
    kept = [one[:length] for one, length in zip(array, LENGTHS, strict=True)]
    wanted = {
        "mean": [one.mean(axis=0) for one in kept],
        "first": [one[0] for one in kept],
        "last": [one[-1] for one in kept],
    }
    for pool, expected in wanted.items():
        found = loaded(tmp_path, array, pool=pool, mask=given)
        np.testing.assert_allclose(found.array, expected, rtol=1e-12)
        assert found.notes == (f"pooled: {pool}, with a mask",)


def test_arrays_are_pooled_as_files_are() -> None:
    wanted = np.stack([one[:k].mean(axis=0) for one, k in zip(tokens(), LENGTHS, strict=True)])
    np.testing.assert_allclose(mx.representations.pool_tokens(tokens(), mask=LENGTHS), wanted)
    with pytest.raises(MethexisError, match="array: expected real tokens, got zero tail"):
        mx.representations.pool_tokens(tokens(0.0))
    with pytest.raises(MethexisError, match=r"array: expected \(num_samples, num_tokens"):
        mx.representations.pool_tokens(tokens()[0])
    with pytest.raises(MethexisError, match="pool: expected one of 'mean', 'first', 'last'"):
        mx.representations.pool_tokens(tokens(), "flatten")


def test_a_mask_may_be_a_file_and_may_leave_out_the_beginning(tmp_path: Path) -> None:
    np.save(tmp_path / "mask.npy", real()[:, ::-1])
    found = loaded(tmp_path, tokens()[:, ::-1], pool="last", mask=tmp_path / "mask.npy")
    np.testing.assert_array_equal(found.array, tokens()[:, 0])


@pytest.mark.parametrize("pool", ["mean", "first", "last"])
@pytest.mark.parametrize(("fill", "kind"), [(0.0, "zero"), (1.5, "constant")])
def test_what_looks_like_padding_is_refused_with_how_to_go_on(
    pool: str, fill: float, kind: str, tmp_path: Path
) -> None:
    with pytest.raises(MethexisError, match=f"got {kind} tail tokens in . of 8 samples") as caught:
        loaded(tmp_path, tokens(fill), pool=pool)
    assert "--mask FILE" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(MethexisError, match=f"got {kind} leading tokens"):
        loaded(tmp_path, tokens(fill)[:, ::-1], pool=pool)
    assert loaded(tmp_path, tokens(fill), pool=pool, mask="none").shape == (8, 3)


def test_real_tokens_are_not_taken_for_padding(tmp_path: Path) -> None:
    array = np.maximum(np.random.default_rng(1).normal(size=(30, 6, 8)), 0.0)  # many zeros
    assert loaded(tmp_path, array, pool="mean").shape == (30, 8)


def test_padding_hides_that_two_models_agree(tmp_path: Path) -> None:
    """One model turned is the other; zeros behind short texts make a score of 1 another one."""
    rng = np.random.default_rng(2)
    lengths = rng.integers(2, 20, size=60)
    x = rng.normal(size=(60, 20, 4)) + rng.normal(size=(60, 1, 4))
    turned = x @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    padded = np.where((np.arange(20) < lengths[:, None])[..., None], turned, 0.0)
    other = np.stack([one[:k].mean(axis=0) for one, k in zip(x, lengths, strict=True)])
    masked = loaded(tmp_path, padded, pool="mean", mask=lengths).array
    wrong = loaded(tmp_path, padded, pool="mean", mask="none").array
    assert mx.measures.cka(other, masked) == pytest.approx(1.0)
    assert mx.measures.cka(other, wrong) < 0.97


@pytest.mark.parametrize(
    ("given", "pool", "message"),
    [
        (LENGTHS[:7], "mean", "mask: expected lengths of the 8 samples of .*x.npy, got 7"),
        (LENGTHS + 1, "mean", "mask: expected lengths of at most 5 tokens"),
        (LENGTHS * 0.3, "mean", "mask: expected whole numbers of tokens"),
        (real()[:, :4], "mean", r"mask: expected shape \(8, 5\), .* got \(8, 4\)"),
        (real()[:7], "mean", r"mask: expected shape \(8, 5\), .* got \(7, 5\)"),
        (real() * 2, "mean", "mask: expected 0 or 1, .* got 2"),
        (real() & (LENGTHS[:, None] > 1), "mean", "got none in sample 4 "),
        (real()[..., None], "mean", "mask: expected numbers"),
        (["a"] * 8, "mean", "mask: expected numbers"),
        ([[1], [1, 0]], "mean", "mask: expected an array, got"),
        ([], "mean", "mask: expected numbers for each sample, got none"),
        (LENGTHS, "flatten", "mask: expected pool mean, first or last with a mask, got flatten"),
        (LENGTHS, "each", "mask: expected pool mean, first or last with a mask, got each"),
        ("gone.npy", "mean", "gone.npy: expected a .npy file with a mask"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(
    given: Any, pool: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        loaded(tmp_path, tokens(), pool=pool, mask=given)
    assert "\n" not in str(caught.value)
