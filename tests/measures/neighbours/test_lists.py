"""Neighbour lists: orders, subsets, resamples, and what is said where they degenerate."""

from __future__ import annotations

import warnings
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import (
    CKA,
    CKNNA,
    JaccardKNN,
    Measure,
    MutualKNN,
    SecondOrderCosine,
    compare,
    mutual_knn,
)
from methexis.measures.inference import nulls
from methexis.measures.inference.resampling import halves, resamples
from methexis.measures.inputs.features import features
from methexis.measures.neighbours.lists import ListMeasure, Neighbours, neighbours
from tests.measures.cases import VARIANTS, label, measured, related, unrelated

X, Y = related()
OF_LISTS = [v for v in VARIANTS if v.resampling == "halves"]
every_measure = pytest.mark.parametrize("measure", OF_LISTS, ids=label)


def reduced(measure: Measure[Any], *pair: Any) -> list[Any]:
    return [measure.reduce(features(n, v)) for n, v in zip("XY", pair, strict=True)]


@every_measure
def test_the_score_of_a_subset_is_the_score_of_its_rows(measure: Measure[Any]) -> None:
    """From cached lists, as if only those rows had been there; also where every list is too short.

    Lists of 80 samples are cut to 3 k + 20, and of a twentieth of them (k + 3 rows) few are left.
    """
    x, y = related(n=80)
    a, b = reduced(measure, x, y)
    rng = np.random.default_rng(0)
    k = measure.options()["k"]
    for size in (40, k + 3, max(k + 1, 4)):
        chosen = rng.permutation(np.arange(80) < size)
        found = measure.resampled(a, b, chosen.astype(np.int64)[None])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DegenerateWarning)  # k is close to the subset's size
            alone = measured(measure, x[chosen], y[chosen])
        assert found is None or found[0] == pytest.approx(alone, rel=1e-9, abs=1e-12, nan_ok=True)
        assert found is not None or size <= 4  # Song's estimator needs four samples


@every_measure
def test_a_subset_of_reordered_rows(measure: Measure[Any]) -> None:
    order = np.random.default_rng(1).permutation(len(X))
    a, b = reduced(measure, X, Y)
    moved_a, moved_b = (measure.reorder(v, order) for v in (a, b))
    chosen = np.random.default_rng(2).permutation(np.arange(len(X)) < 20).astype(np.int64)
    before = measure.resampled(a, b, chosen[None])
    after = measure.resampled(moved_a, moved_b, chosen[order][None])
    assert before is not None
    assert after is not None
    assert after[0] == pytest.approx(before[0], rel=1e-12)


@every_measure
def test_nothing_that_is_asked_changes_what_was_reduced(measure: Measure[Any]) -> None:
    a, b = reduced(measure, X, Y)
    before = measure.score(a, b)
    moments = measure.null_moments(a, b)
    resamples(measure, a, b, num_samples=len(X), num_resamples=3, seed=0)
    assert measure.score(a, b) == before
    assert measure.null_moments(a, b) == moments


@every_measure
def test_fewer_neighbours_of_a_subset_are_the_nearest(measure: Measure[Any]) -> None:
    k = measure.options()["k"]
    assert isinstance(measure, ListMeasure)
    if k < 3:
        return
    a, b = reduced(measure, X, Y)
    chosen = np.random.default_rng(6).permutation(np.arange(len(X)) < 20)[None]
    together = measure.of_subsets(a, b, chosen, (k, 2))[0]
    fewer = type(measure)(**{**measure.options(), "k": 2})
    assert isinstance(fewer, ListMeasure)
    alone = fewer.resampled(*reduced(fewer, X, Y), chosen.astype(np.int64))
    assert alone is not None
    assert together[1] == pytest.approx(alone[0], rel=1e-12, abs=1e-12)


@every_measure
def test_a_copy_is_no_subset(measure: Measure[Any]) -> None:
    a, b = reduced(measure, X, Y)
    counts = np.ones((1, len(X)), dtype=np.int64)
    counts[0, :2] = 0, 2
    with pytest.raises(MethexisError, match="got a sample 2 times"):
        measure.resampled(a, b, counts)


def test_lists_too_short_for_a_subset_are_made_anew() -> None:
    given = features("X", X)
    full = neighbours(given, 5, "euclidean")
    short = Neighbours(full.lists[:, :5], 5, "euclidean", given, full.rows)
    order = np.random.default_rng(3).permutation(len(X))
    chosen = np.random.default_rng(4).random(len(X)) < 0.3
    moved = short.reordered(order), full.reordered(order)
    for one, other in ((short, full), moved, (full, short)):
        assert one.among(chosen).tolist() == other.among(chosen).tolist()
        values = 100.0 * np.arange(len(X))[:, None] + one.lists  # tells row and entry
        lists, (beside,), anew = one.among_with(chosen, values)
        samples, whole = np.flatnonzero(chosen), np.delete(np.arange(chosen.sum()), anew)
        wanted = 100.0 * samples[whole, None] + samples[lists[whole]]
        assert beside[whole].tolist() == wanted.tolist()
        assert np.all(beside[anew] == 0.0)
        assert len(anew) > 5 if one.lists.shape[1] == 5 else not len(anew)  # both are tested


def test_overlap_of_all_orders_has_the_exact_moments() -> None:
    """All 720 orders of six samples: mean, deviation and skewness to rounding."""
    x, y = unrelated(n=6)
    every = np.array(list(permutations(range(6))))
    for k in (1, 2):
        measure = MutualKNN(k, "euclidean")
        a, b = reduced(measure, x, y)
        scores = measure.permuted(a, b, every)
        exact = measure.null_moments(a, b)
        assert exact is not None
        assert exact.mean == pytest.approx(k / 5, rel=1e-12)
        assert exact.mean == pytest.approx(scores.mean(), rel=1e-12)
        assert exact.sd == pytest.approx(scores.std(), rel=1e-9)
        third = np.mean((scores - scores.mean()) ** 3) / scores.std() ** 3
        assert exact.skewness == pytest.approx(third, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("n", "k"), [(60, 1), (30, 2), (30, 5), (60, 10)])
def test_tails_of_counts_are_those_of_permutations(n: int, k: int) -> None:
    """P-values from .02 to .1 within 10 %, though scores are counts, with deviation 1 at k = 1.

    Of 40000 orders p = .02 has a relative standard error of 3.5 %. Without the half step all of
    them would be 10 to 40 % too small.
    """
    measure = MutualKNN(k)
    a, b = reduced(measure, *unrelated(n=n))
    moments = measure.null_moments(a, b)
    assert moments is not None
    null = nulls.from_moments(moments)
    scores = measure.permuted(a, b, nulls.orders(n, 40_000, seed=1))
    tried = 0
    for score in np.unique(scores):
        share = float(np.mean(scores >= score - 1e-9))
        if 0.02 < share < 0.1:
            assert null.p_value(float(score), distance=False) == pytest.approx(share, rel=0.1)
            tried += 1
    assert tried > 0


def test_jaccard_of_all_orders_has_the_exact_mean() -> None:
    x, y = unrelated(n=6)
    every = np.array(list(permutations(range(6))))
    for k in (1, 2):
        measure = JaccardKNN(k, "euclidean")
        a, b = reduced(measure, x, y)
        exact = measure.null_mean(a, b)
        assert exact == pytest.approx(measure.permuted(a, b, every).mean(), rel=1e-12)
    found = compare(*related(), "jaccard_knn", num_bootstrap=0)
    a, b = reduced(JaccardKNN(), X, Y)
    assert found.null_mean == JaccardKNN().null_mean(a, b)


@every_measure
def test_few_permutations_are_those_of_reordering(measure: Measure[Any]) -> None:
    a, b = reduced(measure, X, Y)
    orders = np.random.default_rng(5).permuted(np.tile(np.arange(len(X)), (3, 1)), axis=1)
    one_by_one = [measure.score(a, measure.reorder(b, order)) for order in orders]
    assert measure.permuted(a, b, orders) == pytest.approx(one_by_one, rel=1e-12)


def test_halves_are_disjoint_and_fair() -> None:
    half = halves(31, 400, seed=0)
    assert (half.sum(axis=1) == 15).all()
    # A sample's share of 400 halves is binomial: 15/31, standard error .025; 5 of them.
    assert np.abs(half.mean(axis=0) - 15 / 31).max() < 5 * 0.025
    assert (halves(31, 4, seed=0) == halves(31, 4, seed=0)).all()
    assert (halves(31, 4, seed=0) != halves(31, 4, seed=1)).any()


def test_no_interval_where_halves_are_too_small() -> None:
    with pytest.warns(
        DegenerateWarning, match="no interval, because half of 39 samples are too few"
    ):
        found = compare(X[:39], Y[:39], MutualKNN(k=19), num_bootstrap=10)
    assert np.isnan(found.ci).all()


def test_identical_lists_have_no_spread() -> None:
    a, _ = reduced(MutualKNN(), X, X)
    found = resamples(MutualKNN(), a, a, num_samples=40, num_resamples=20, seed=0)
    assert found is not None
    assert found.scores.tolist() == [1.0] * 20


def test_k_close_to_n_is_said() -> None:
    with pytest.warns(DegenerateWarning, match="20 of 39 other samples share at least 1,"):
        compare(X, Y, "mutual_knn", k=20, num_bootstrap=0)
    with pytest.raises(MethexisError, match=r"k: expected fewer .* \(39\), got 40"):
        compare(X, Y, "mutual_knn", k=40)


def test_copies_are_said() -> None:
    x = X.copy()
    x[7] = x[3]
    with pytest.warns(DegenerateWarning, match="X: 1 of 40 rows equal an earlier one"):
        found = compare(x, Y, "mutual_knn", num_bootstrap=0)
    assert len(found.notes) == 1


def test_options_are_checked() -> None:
    for options in ({"k": 0}, {"k": 2.0}, {"metric": "manhattan"}):
        with pytest.raises(MethexisError, match=f"{next(iter(options))}: expected"):
            MutualKNN(**options)
    with pytest.raises(MethexisError, match="k: expected an integer >= 2"):
        CKNNA(k=1, definition="code")
    with pytest.raises(MethexisError, match="definition: expected"):
        CKNNA(definition="exact")
    with pytest.raises(MethexisError, match="offset: expected 0 with the definition 'paper'"):
        CKNNA(offset=1e-6)
    with pytest.raises(MethexisError, match="profile: expected"):
        SecondOrderCosine(profile="none")


def test_four_samples_by_hand() -> None:
    """On a line at 0, 1, 3, 9 the nearest are 1, 0, 1, 2; at 0, 1, -3, 9 they are 1, 0, 0, 1."""
    x, y = [[0.0], [1.0], [3.0], [9.0]], [[0.0], [1.0], [-3.0], [9.0]]
    lists = MutualKNN(1, "euclidean").reduce(features("X", x)).nearest
    assert lists.tolist() == [[1], [0], [1], [2]]
    assert mutual_knn(x, y, k=1, metric="euclidean") == 0.5


def test_only_neighbour_measures_take_halves() -> None:
    assert CKA().resampling == "bootstrap"
    assert all(isinstance(m, ListMeasure) for m in OF_LISTS)
