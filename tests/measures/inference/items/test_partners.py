"""Items with several rows on a side: brute force, calibration, and what repeated rows would say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

import methexis as mx
from methexis.core.checks import Array
from methexis.measures import compare_items
from methexis.measures.inference import nulls
from methexis.measures.inference.items.partners import members_of, picked

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
    assert found.notes[0] == "30 items with 1 row in X, 1 in Y"


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
    assert found.notes[0].startswith("25 items with 1 to 3 rows in X, 2 in Y: the mean score")


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


def two_models(n: int = 24) -> tuple[dict[str, Array], dict[str, Array], tuple[Array, Array]]:
    """Layers of a model of images, and of one of captions, in a random order of the captions."""
    rng = np.random.default_rng(4)
    images, captions, (first, second) = captioned(n, 3)
    order = rng.permutation(len(captions))
    a = {"h1": rng.normal(size=(n, 3)), "h2": images}
    b = {f"t{k}": captions[order] @ rng.normal(size=(5, 4)) for k in range(3)}
    return a, b, (first, second[order])


@pytest.mark.parametrize("measure", ["cka", "mutual_knn", "procrustes"])
@pytest.mark.parametrize("preprocessing", ["none", "prh"])
def test_a_grid_has_the_scores_of_its_pairs(measure: str, preprocessing: str) -> None:
    """With the same choices and orders; p of a pair alone is that before correction."""
    a, b, items = two_models()
    common = {"num_choices": 4, "num_permutations": 39, "seed": 5, "preprocessing": preprocessing}
    grid = mx.compare_all(a, b, measure, items=items, **common)
    assert grid.data.attrs["n"] == 24
    for i, x in enumerate(a.values()):
        for j, y in enumerate(b.values()):
            pair = compare_items(x, y, items, measure, num_bootstrap=0, **common)
            for name in ("score", "null_mean", "null_sd", "p", "effect"):
                assert getattr(grid, name)[i, j] == pytest.approx(getattr(pair, name), abs=1e-9)
    assert grid.best().layer_a == "h2"
    assert (grid.p_corrected >= grid.p).all()
    assert grid.p_corrected[1].max() <= 0.05 < grid.p_corrected[0].min()
    assert grid.notes[0].startswith("24 items with 1 row in reps_a, 3 in reps_b: the mean sco")
    assert " to " in grid.notes[0].split("which are")[1]


def test_the_correction_of_a_grid_is_by_the_largest_of_all_pairs() -> None:
    """By hand: orders of the items, the same for all pairs and choices."""
    a, b, items = two_models(12)
    grid = mx.compare_all(a, b, items=items, num_choices=3, num_permutations=29, seed=1)
    members = members_of(items, ("a", "b"), [12, 36], mx.measures.CKA())
    orders = nulls.orders(12, 29, 1)
    observed, drawn = np.zeros((2, 3)), np.zeros((29, 2, 3))
    for choice in range(3):
        rows = [picked(side, 1, choice, k) for k, side in enumerate(members)]
        for i, x in enumerate(a.values()):
            for j, y in enumerate(b.values()):
                one, other = x[rows[0]], y[rows[1]]
                observed[i, j] += mx.measures.cka(one, other) / 3
                drawn[:, i, j] += [mx.measures.cka(one, other[order]) / 3 for order in orders]
    pool = np.concatenate([observed[None], drawn])
    z = (pool - pool.mean(axis=0)) / pool.std(axis=0)
    p = [[(1 + (z[1:].max(axis=(1, 2)) >= one).sum()) / 30 for one in row] for row in z[0]]
    np.testing.assert_allclose(grid.score, observed)
    np.testing.assert_allclose(grid.p_corrected, p)


def test_what_a_grid_refuses() -> None:
    a, b, items = two_models()
    with pytest.raises(mx.MethexisError, match="items: expected reps_b beside reps_a"):
        mx.compare_all(a, items=items)
    with pytest.raises(mx.MethexisError, match="null: expected auto or permutation with items"):
        mx.compare_all(a, b, items=items, null="moments")
    with pytest.raises(mx.MethexisError, match="sample: expected none with items"):
        mx.compare_all(a, b, items=items, sample=10)
    with pytest.raises(mx.MethexisError, match="num_permutations: expected at least 2 with items"):
        mx.compare_all(a, b, items=items, num_permutations=0)
    with pytest.raises(
        mx.MethexisError, match="items of reps_b: expected one label for each of 72"
    ):
        mx.compare_all(a, b, items=(items[0], items[1][1:]))
    with pytest.raises(mx.MethexisError, match="expected features of rows with items, got an RDM"):
        mx.compare_all([mx.measures.rdm(a["h1"])], b, "rsa", items=items)
    with pytest.raises(mx.MethexisError, match="num_choices"):
        mx.compare_all(a, b, items=items, num_choices=0)
