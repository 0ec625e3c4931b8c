"""Counts of shared neighbours against sets."""

from __future__ import annotations

import numpy as np
import pytest

from methexis.errors import MethexisError
from methexis.measures.inference import nulls
from methexis.measures.neighbours.knn import Indices
from methexis.measures.neighbours.shared import overlap_counts, shared, shared_under


def lists(n: int, k: int, seed: int) -> Indices:
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.delete(np.arange(n), i))[:k] for i in range(n)]
    return np.array(rows, dtype=np.int32)


def by_sets(a: Indices, b: Indices) -> list[int]:
    return [len(set(one) & set(other)) for one, other in zip(a.tolist(), b.tolist(), strict=True)]


sizes = pytest.mark.parametrize("k", [1, 5, 30, 31, 60])  # both sides of the change of method


@sizes
def test_shared_counts_are_those_of_sets(k: int) -> None:
    a, b = lists(80, k, 0), lists(80, k, 1)
    assert shared(a, b).tolist() == by_sets(a, b)
    assert shared(a, a).tolist() == [k] * 80


def test_lists_of_different_lengths() -> None:
    a, b = lists(80, 7, 0), lists(80, 40, 1)
    assert shared(a, b).tolist() == by_sets(a, b)


@sizes
def test_renamed_lists_are_those_of_reordered_rows(k: int) -> None:
    """In an order π sample i has the neighbours of what was sample π_i, by their new names."""
    n = 80
    a, b = lists(n, k, 0), lists(n, k, 1)
    orders = nulls.orders(n, 4, seed=2)
    for order, counts in zip(orders, shared_under(a, b, orders), strict=True):
        new_name = {int(old): new for new, old in enumerate(order)}
        renamed = np.array([[new_name[int(j)] for j in b[old]] for old in order], dtype=np.int32)
        assert counts.tolist() == by_sets(a, renamed)


@sizes
def test_all_pairs_at_once(k: int) -> None:
    one = np.stack([lists(50, min(k, 49), seed) for seed in (0, 1, 2)])
    other = np.stack([lists(50, min(k, 49), seed) for seed in (3, 4)])
    expected = [[sum(by_sets(a, b)) for b in other] for a in one]
    assert overlap_counts(one, other).tolist() == expected


def test_more_samples_than_16_bits_hold() -> None:
    n = 70_000
    a = ((np.arange(n)[:, None] + [1, 2, 3]) % n).astype(np.int32)
    b = ((np.arange(n)[:, None] + [3, 65_538, 2]) % n).astype(np.int32)  # 65538 = 2 in 16 bits
    assert shared(a, b).tolist() == [2] * n
    assert overlap_counts(a[None], b[None]).tolist() == [[2 * n]]


def test_unpaired_lists_are_refused() -> None:
    with pytest.raises(MethexisError, match="over the same samples"):
        overlap_counts(lists(20, 3, 0)[None], lists(21, 3, 0)[None])
