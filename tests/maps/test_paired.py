"""Pairs of representations: groups of equal rows, folds that share none, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from methexis.errors import MethexisError
from methexis.maps.paired import FEW_FOLDS, FOLDS, LEAST, MANY, equal_rows, folds, paired
from methexis.measures.dissimilarity.dissimilarities import rdm
from methexis.measures.inputs.preprocessing import Preprocessing, preprocessing

RNG = np.random.default_rng(7)
NOTHING = preprocessing(None)


def by_hand(x: np.ndarray, y: np.ndarray) -> list[int]:
    """Groups by merging every two rows that equal each other on a side, until none do."""
    group = list(range(len(x)))
    for i in range(len(x)):
        for j in range(i):
            if np.array_equal(x[i], x[j]) or np.array_equal(y[i], y[j]):
                old, new = group[i], group[j]
                group = [new if g == old else g for g in group]
    return group


def test_groups_are_those_of_merging_by_hand() -> None:
    for _ in range(20):
        x = RNG.integers(0, 5, size=(12, 1)).astype(float)
        y = RNG.integers(0, 9, size=(12, 2)).astype(float)
        groups, other = equal_rows(x, y), np.array(by_hand(x, y))
        assert np.array_equal(groups[:, None] == groups, other[:, None] == other)


def test_sides_are_centred_and_of_one_size() -> None:
    x, y = RNG.normal(size=(100, 4)) * 7.0 + 5.0, RNG.normal(size=(100, 3)) * 0.01
    pair = paired(x, y, NOTHING)
    for side, size, given in zip((pair.x, pair.y), pair.sizes, (x, y), strict=True):
        assert np.allclose(side.mean(axis=0), 0.0)
        assert np.mean(np.sum(side**2, axis=1)) == pytest.approx(1.0)
        assert np.allclose(side * size, given - given.mean(axis=0))
    assert pair.num_repeated == 0


@pytest.mark.parametrize("repeats", [1, 2, 7])
def test_no_row_stands_on_both_sides_of_a_cut(repeats) -> None:
    x = np.repeat(RNG.normal(size=(40, 3)), repeats, axis=0)
    pair = paired(x, RNG.normal(size=(40 * repeats, 2)), NOTHING)
    assert pair.num_repeated == 40 * (repeats - 1)
    for row in np.unique(x, axis=0):
        assert len(set(pair.fold[(x == row).all(axis=1)])) == 1
    counts = np.bincount(pair.fold, minlength=FOLDS)
    assert counts.max() - counts.min() <= repeats


def test_one_group_that_is_larger_than_a_fold_leaves_no_fold_empty() -> None:
    groups = np.concatenate([np.zeros(500, dtype=np.int64), np.arange(1, 30)])
    fold = folds(groups, FOLDS, 0)
    assert set(fold) == set(range(FOLDS))
    assert len(set(fold[:500])) == 1


def test_many_samples_have_fewer_folds() -> None:
    few, many = (RNG.normal(size=(n, 2)) for n in (MANY - 1, MANY))
    assert paired(few, few, NOTHING).num_folds == FOLDS
    assert paired(many, many, NOTHING).num_folds == FEW_FOLDS


def test_what_no_map_predicts_is_refused() -> None:
    x = RNG.normal(size=(50, 3))
    with pytest.raises(MethexisError, match=f"at least {LEAST} samples"):
        paired(x[:19], x[:19], NOTHING)
    one_way = RNG.uniform(1.0, 2.0, size=(50, 1)) * np.array([3.0, 4.0, 0.0])
    with pytest.raises(MethexisError, match="X: expected rows that differ, got one row"):
        paired(one_way, x, Preprocessing(normalise=True))  # rows of length one
    large = x.copy()
    large[17] *= 1e9
    with pytest.raises(MethexisError, match="got sample 17, beside which others are rounding"):
        paired(large, x, NOTHING)
    with pytest.raises(MethexisError, match="got dissimilarities, which no map predicts"):
        paired(rdm(x), x, NOTHING)
