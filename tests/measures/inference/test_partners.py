"""Items with several rows on a side: brute force, calibration, and what repeated rows would say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

import methexis as mx
from methexis.core.checks import Array
from methexis.measures import compare_items

Given = tuple[Array, Array, tuple[Array, Array]]


def captioned(n: int = 30, each: int = 3, *, noise: float = 0.5, seed: int = 0) -> Given:
    """Images, as many captions of each, and the items of both."""
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(n, 5))
    labels = np.repeat(np.arange(n), each)
    captions = images[labels] + noise * rng.normal(size=(n * each, 5))
    return images, captions, (np.arange(n), labels)


@pytest.mark.parametrize("measure", ["cka", "procrustes", "mutual_knn", "gulp"])
def test_one_row_each_is_compare(measure: str) -> None:
    x, y, items = captioned(each=1)
    found = compare_items(x, y, items, measure, num_permutations=99, num_bootstrap=99)
    plain = mx.compare(x, y, measure, null="permutation", num_permutations=99, num_bootstrap=99)
    for name in ("score", "null_sd", "p", "ci", "n", "d"):
        assert getattr(found, name) == pytest.approx(getattr(plain, name), nan_ok=True), name
    assert found.notes[0] == "30 items with 1 rows in X and 1 in Y"


def test_the_score_is_the_mean_over_all_choices() -> None:
    """Of 7 items with two captions: 128 choices, by brute force, to four standard errors."""
    x, y, items = captioned(7, 2)
    every = [
        mx.measures.cka(x, y[2 * np.arange(7) + np.array(which)])
        for which in product((0, 1), repeat=7)
    ]
    found = compare_items(x, y, items, num_choices=400, num_permutations=2, num_bootstrap=0)
    assert abs(found.score - np.mean(every)) < 4 * np.std(every) / np.sqrt(400)
    assert np.isnan(found.ci[0])


def test_items_are_known_by_their_labels() -> None:
    """Rows may come in any order, and labels may be words."""
    x, y, (first, second) = captioned()
    rng = np.random.default_rng(1)
    places = rng.permutation(len(y)), rng.permutation(len(x))
    words = [f"image {k}" for k in second[places[0]]]
    named = [f"image {k}" for k in first[places[1]]]
    found = compare_items(x[places[1]], y[places[0]], (named, words), num_permutations=19)
    again = compare_items(x, y, (first, second), num_permutations=19)
    # other rows are chosen, so that scores differ as single choices do, over the root of 20
    apart = 3 * float(again.notes[0].split()[-2]) / np.sqrt(20)
    assert abs(found.score - again.score) < 4 * apart
    mixed = compare_items(x, y, (first, np.roll(second, 3)), num_permutations=19)
    assert mixed.score < 0.5 * again.score


def test_both_sides_may_have_several() -> None:
    rng = np.random.default_rng(2)
    things = rng.normal(size=(25, 4))
    labels = np.repeat(np.arange(25), rng.integers(1, 4, 25)), np.repeat(np.arange(25), 2)
    x, y = (things[one] + 0.3 * rng.normal(size=(len(one), 4)) for one in labels)
    found = compare_items(x, y, labels, "mutual_knn", num_choices=5, num_bootstrap=49, k=3)
    assert found.n == 25
    assert found.p == 0.005
    assert found.ci[0] < found.score < found.ci[1]
    assert found.notes[0].startswith("25 items with 1 to 3 rows in X and 2 in Y: the mean score")


def test_p_is_right_where_nothing_is_shared_and_that_of_repeated_rows_is_not() -> None:
    """Captions of one image are near each other, whatever they are of: no sign of alignment."""
    rejected = repeated = 0
    for seed in range(60):
        rng = np.random.default_rng([3, seed])
        x, topics = rng.normal(size=(16, 3)), rng.normal(size=(16, 3))
        labels = np.repeat(np.arange(16), 3)
        y = topics[labels] + 0.3 * rng.normal(size=(48, 3))
        found = compare_items(
            x, y, (range(16), labels), num_choices=3, num_permutations=19, num_bootstrap=0
        )
        rejected += found.p <= 0.05
        naive = mx.compare(x[labels], y, null="moments", num_bootstrap=0)
        repeated += naive.p <= 0.05
    assert rejected <= 3 + 4 * np.sqrt(60 * 0.05 * 0.95)
    assert repeated > 30


def test_intervals_are_wider_than_those_of_repeated_rows() -> None:
    x, y, items = captioned(noise=2.0)
    found = compare_items(x, y, items)
    naive = mx.compare(x[items[1]], y)
    assert found.ci[1] - found.ci[0] > 1.3 * (naive.ci[1] - naive.ci[0])


def test_tensors() -> None:
    x, y, items = captioned()
    one = compare_items(x, y, items, num_permutations=9, num_bootstrap=9)
    other = compare_items(
        torch.tensor(x), torch.tensor(y), items, num_permutations=9, num_bootstrap=9
    )
    assert one.score == pytest.approx(other.score)
    assert one.p == other.p


def test_what_is_refused() -> None:
    x, y, (first, second) = captioned()
    with pytest.raises(mx.MethexisError, match="items: expected two sequences"):
        compare_items(x, y, second)
    with pytest.raises(mx.MethexisError, match="items of Y: expected one label for each of 90 row"):
        compare_items(x, y, (first, second[1:]))
    with pytest.raises(mx.MethexisError, match="items of X: expected one label per row, numbers"):
        compare_items(x, y, (first + 0.5, second))
    with pytest.raises(mx.MethexisError, match="same items on both sides, got 29 in X and not in"):
        compare_items(x, y, (first, np.minimum(second, 28)))
    with pytest.raises(mx.MethexisError, match="expected at least"):
        compare_items(x, y, (np.zeros(30, dtype=int), np.zeros(90, dtype=int)))
    with pytest.raises(mx.MethexisError, match="num_permutations"):
        compare_items(x, y, (first, second), num_permutations=1)
