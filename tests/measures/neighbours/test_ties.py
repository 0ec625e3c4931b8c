"""Equally near rows: scores are averages over ways to break ties, and tests are exact.

The families are those of `evidence.discrete`, small: one-hot, multi-hot, sparse codes, counts, one
feature, copies.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import Measure, MutualKNN, compare, dropin, mutual_knn, neighbour_curve
from methexis.measures.inputs.features import features
from methexis.measures.neighbours import knn
from methexis.measures.neighbours.cknna import CKNNA
from methexis.measures.neighbours.cycle_knn import CycleKNN
from methexis.measures.neighbours.edit_distance_knn import EditDistanceKNN
from methexis.measures.neighbours.jaccard_knn import JaccardKNN
from methexis.measures.neighbours.lcs_knn import LCSKNN
from methexis.measures.neighbours.lists import ListMeasure, NeighbourMeasure, Neighbours, neighbours
from methexis.measures.neighbours.rank_similarity import RankSimilarity
from methexis.measures.neighbours.second_order_cosine import SecondOrderCosine
from methexis.measures.neighbours.tied import returning
from tests.measures.cases import VARIANTS, label

pytestmark = pytest.mark.filterwarnings("ignore::methexis.errors.DegenerateWarning")

OF_LISTS = [v for v in VARIANTS if isinstance(v, ListMeasure)]
every_measure = pytest.mark.parametrize("measure", OF_LISTS, ids=label)


def one_hot(rng: np.random.Generator, n: int) -> Array:
    return np.eye(4)[np.concatenate([[0, 1], rng.integers(0, 4, n - 2)])]


def multi_hot(rng: np.random.Generator, n: int) -> Array:
    return np.asarray(rng.permuted(np.tile(np.arange(8), (n, 1)), axis=1) < 3, dtype=float)


def codes(rng: np.random.Generator, n: int) -> Array:
    """Two of 64 features: sparse enough to be multiplied as such."""
    order = rng.permuted(np.tile(np.arange(65), (n, 1)), axis=1)
    return np.where(order < 2, rng.gamma(2.0, 1.0, order.shape), 0.0)


def counts(rng: np.random.Generator, n: int) -> Array:
    found = rng.poisson(0.8, (n, 3)).astype(float)
    found[0] = 0.0
    found[1] = 1.0
    return found


def one_feature(rng: np.random.Generator, n: int) -> Array:
    return rng.normal(size=(n, 1))


def copies(rng: np.random.Generator, n: int) -> Array:
    return rng.normal(size=(n // 3 + 2, 4))[rng.integers(0, n // 3 + 2, n)]


FAMILIES: list[Callable[[np.random.Generator, int], Array]] = [
    one_hot,
    multi_hot,
    codes,
    counts,
    one_feature,
    copies,
]
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)


def reduced(measure: Measure[Any], *pair: Any) -> list[Any]:
    return [measure.reduce(features(n, v)) for n, v in zip("XY", pair, strict=True)]


def score(measure: Measure[Any], x: Array, y: Array) -> float:
    a, b = reduced(measure, x, y)
    return measure.score(a, b)


def ranks(x: Array, metric: str) -> Array:
    """Distances of all pairs from the differences, equal ones made equal; infinite with itself."""
    if metric == "cosine":
        lengths = np.linalg.norm(x, axis=1, keepdims=True)
        far = -(x / np.where(lengths == 0, 1, lengths)) @ (x / np.where(lengths == 0, 1, lengths)).T
    elif metric == "dot":
        far = -x @ x.T
    else:
        far = np.sum((x[:, None] - x[None]) ** 2, axis=2)
    far = far.round(10)
    np.fill_diagonal(far, np.inf)
    return far


def broken(x: Array, k: int, metric: str, rng: np.random.Generator) -> Array:
    """Lists of neighbours with ties broken at random, in every row anew."""
    keys = rng.random((len(x), len(x)))
    return np.lexsort((keys, ranks(x, metric)), axis=1)[:, :k].astype(np.int32)


def chances(x: Array, k: int, metric: str) -> Array:
    """The chance of being a neighbour under random tie-breaking, by definition."""
    found = np.zeros((len(x), len(x)))
    for row, far in zip(found, ranks(x, metric), strict=True):
        last = np.sort(far)[k - 1]
        row[far < last] = 1.0
        row[far == last] = (k - np.sum(far < last)) / np.sum(far == last)
    return found


@every_family
@pytest.mark.parametrize("metric", knn.METRICS)
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_chances_of_a_place_are_those_of_random_choice(
    family: Any, metric: str, precision: str
) -> None:
    """For every number of neighbours, from lists that hold a group, cut it, or end before it."""
    x = family(np.random.default_rng(0), 40)
    given_x = features("X", x, precision=precision)
    x = given_x.array.astype(float)  # what is compared are the numbers in that precision
    for kept in (3, 12, 39):
        found = knn.ranked(given_x, kept, metric=metric)
        for k in sorted({1, kept // 2 + 1, kept}):
            lists = Neighbours(found.lists, k, metric, given_x, np.arange(40), found.ties)
            assert lists.groups.chances.dense() == pytest.approx(chances(x, k, metric), abs=1e-12)


@every_measure
@every_family
def test_scores_do_not_depend_on_the_order_of_rows(measure: Measure[Any], family: Any) -> None:
    """To rounding of sums over samples, 1e-12; nor do they on which representation is the first."""
    rng = np.random.default_rng(1)
    x, y = family(rng, 40), family(rng, 40)
    before = score(measure, x, y)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(40)
        assert score(measure, x[order], y[order]) == pytest.approx(before, abs=1e-12, nan_ok=True)
    if measure.symmetric:
        assert score(measure, y, x) == pytest.approx(before, abs=1e-12, nan_ok=True)


@every_measure
@every_family
def test_reordering_lists_is_reordering_rows(measure: Measure[Any], family: Any) -> None:
    """So a null by permutation is of the statistic that is tested."""
    rng = np.random.default_rng(2)
    x, y = family(rng, 40), family(rng, 40)
    a, b = reduced(measure, x, y)
    orders = np.array([rng.permutation(40) for _ in range(3)])
    anew = [score(measure, x, y[order]) for order in orders]
    assert measure.permuted(a, b, orders) == pytest.approx(anew, abs=1e-12, nan_ok=True)
    by_one = [measure.score(a, measure.reorder(b, order)) for order in orders]
    assert by_one == pytest.approx(anew, abs=1e-12, nan_ok=True)


@every_family
def test_chances_to_return_are_looked_up_in_two_ways(
    family: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Side by side for few samples, among the stored entries for many; and in blocks."""
    rng = np.random.default_rng(5)
    a, b = reduced(CycleKNN(3), family(rng, 40), family(rng, 40))
    orders = np.array([rng.permutation(40) for _ in range(5)])
    of_few = CycleKNN(3).permuted(a, b, orders)
    monkeypatch.setattr(returning, "SIDE", 0)
    monkeypatch.setattr(returning, "BLOCK", 100)
    assert CycleKNN(3).permuted(a, b, orders) == pytest.approx(of_few, abs=1e-13)
    assert len(set(of_few)) > 1


#: With how many draws scores of orders are averaged; the others are exact.
EXACT = [MutualKNN(4), JaccardKNN(4), CycleKNN(1), CycleKNN(3), MutualKNN(4, "euclidean")]
DRAWN = [LCSKNN(4), EditDistanceKNN(4), RankSimilarity(4)]


@pytest.mark.parametrize("measure", EXACT + DRAWN, ids=label)
@every_family
def test_a_score_is_the_mean_over_random_ways_to_break_ties(
    measure: NeighbourMeasure, family: Any
) -> None:
    """Of 400 ways, within 5 standard errors; of drawn orders the own variance, 1/16, too."""
    rng = np.random.default_rng(3)
    x, y = family(rng, 30), family(rng, 30)
    ways = [
        np.mean(
            measure.alike(
                broken(x, measure.k, measure.metric, rng), broken(y, measure.k, measure.metric, rng)
            )
        )
        for _ in range(400)
    ]
    error = np.std(ways) * np.sqrt(1 / 400 + (1 / 16 if measure in DRAWN else 0.0))
    assert abs(score(measure, x, y) - np.mean(ways)) <= 5 * error + 1e-12


@given(st.integers(0, 10**6), st.sampled_from(FAMILIES), st.integers(1, 10))
@settings(max_examples=60, deadline=None)
def test_mutual_knn_is_a_sum_of_products_of_chances(seed: int, family: Any, k: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(12, 30))
    x, y = family(rng, n), family(rng, n)
    if not all((v != v[0]).any() for v in (x, y)):
        return
    k = min(k, n - 1)
    expected = np.sum(chances(x, k, "cosine") * chances(y, k, "cosine")) / (n * k)
    assert mutual_knn(x, y, k=k) == pytest.approx(expected, abs=1e-12)


@every_family
@pytest.mark.parametrize("measure", [MutualKNN(2), CKNNA(2), MutualKNN(3, "euclidean")], ids=label)
def test_exact_moments_are_those_of_all_orders(measure: Any, family: Any) -> None:
    """All 720 orders of six samples."""
    rng = np.random.default_rng(4)
    x, y = family(rng, 6), family(rng, 6)
    a, b = reduced(measure, x, y)
    scores = measure.permuted(a, b, np.array(list(permutations(range(6)))))
    exact = measure.null_moments(a, b)
    if np.isnan(scores).any():  # the kernel is its mean everywhere
        assert np.isnan(scores).all()
        return
    assert exact.mean == pytest.approx(scores.mean(), abs=1e-12)
    assert exact.sd == pytest.approx(scores.std(), rel=1e-7, abs=1e-9)
    if scores.std() > 1e-9:
        third = np.mean((scores - scores.mean()) ** 3) / scores.std() ** 3
        assert exact.skewness == pytest.approx(third, rel=1e-5, abs=1e-7)


@every_family
def test_jaccard_has_its_exact_mean(family: Any) -> None:
    rng = np.random.default_rng(5)
    measure = JaccardKNN(2)
    a, b = reduced(measure, family(rng, 6), family(rng, 6))
    scores = measure.permuted(a, b, np.array(list(permutations(range(6)))))
    assert measure.null_mean(a, b) == pytest.approx(scores.mean(), rel=1e-12)


@every_measure
@every_family
def test_the_score_of_a_subset_is_the_score_of_its_rows(
    measure: ListMeasure[Any], family: Any
) -> None:
    """Whether lists suffice, groups are cut, or rows are ranked anew (small subsets)."""
    rng = np.random.default_rng(6)
    x, y = family(rng, 90), family(rng, 90)
    a, b = reduced(measure, x, y)
    k = measure.options()["k"]
    for size in (45, k + 4):
        chosen = rng.permutation(np.arange(90) < size)
        if not all((v[chosen] != v[chosen][0]).any() for v in (x, y)):
            continue
        found = measure.of_subsets(a, b, chosen[None], (k,))[0, 0]
        assert found == pytest.approx(score(measure, x[chosen], y[chosen]), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("measure", "family"),
    [
        *((measure, family) for measure in ("mutual_knn", "cknna") for family in FAMILIES),
        *((measure, one_hot) for measure in ("jaccard_knn", "cycle_knn", "second_order_cosine")),
        *((measure, one_hot) for measure in ("lcs_knn", "edit_distance_knn", "rank_similarity")),
    ],
)
def test_unrelated_discrete_features_are_not_found_aligned(measure: str, family: Any) -> None:
    """Of 60 pairs at most 10 with p <= .05: more have a probability of 4e-4 at a rate of 5 %.

    With ties given to the lower row number nearly all had. (The full size is evidence.discrete.)
    """
    found = 0
    for seed in range(60):
        rng = np.random.default_rng([7, seed])
        x, y = family(rng, 24), family(rng, 24)
        found += (
            compare(x, y, measure, k=3, num_bootstrap=0, num_permutations=19, seed=seed).p <= 0.05
        )
    assert stats.binom.sf(10, 60, 0.05) < 4e-4
    assert found <= 10


def test_a_rotation_does_not_decide_ties() -> None:
    """Distances that were equal differ by rounding then."""
    rng = np.random.default_rng(9)
    for family in (one_hot, multi_hot, counts):
        x, y = family(rng, 60), family(rng, 60)
        turn = np.linalg.qr(rng.normal(size=(x.shape[1], x.shape[1])))[0]
        for metric in ("cosine", "euclidean"):
            measure = MutualKNN(5, metric)
            assert score(measure, x @ turn, y) == pytest.approx(score(measure, x, y), abs=1e-12)


def test_distinct_distances_are_no_tie() -> None:
    """Continuous features have none, as narrow as they may be; lists and scores are as ever."""
    rng = np.random.default_rng(10)
    for x in (rng.normal(size=(300, 3)), 1e6 + 1e-2 * rng.normal(size=(300, 3))):
        for metric in ("euclidean", "dot"):
            assert knn.ranked(features("X", x), 40, metric=metric).ties is None


def test_rows_of_zeros_are_equally_near_to_all() -> None:
    rng = np.random.default_rng(11)
    x = np.abs(rng.normal(size=(40, 5)))
    x[[3, 7]] = 0.0
    with pytest.warns(DegenerateWarning, match="2 of 40 rows are zero and have no direction"):
        lists = neighbours(features("X", x), 5, "cosine")
    found = lists.groups.chances.dense()
    others = np.delete(np.arange(40), 3)
    assert found[3, others] == pytest.approx(5 / 39)
    assert found[0, [3, 7]].tolist() == [0.0, 0.0]  # all cosines of the others are positive
    assert found.sum(axis=1) == pytest.approx(5.0)


def test_ties_are_said_with_what_is_attainable() -> None:
    x = np.eye(4)[np.arange(40) % 4]  # nine equally near, five places
    with pytest.warns(DegenerateWarning, match="100% of the places .* share 55.6% of"):
        lists = neighbours(features("X", x), 5, "cosine")
    assert lists.attainable == pytest.approx(5 / 9)
    assert mutual_knn(x, x, k=5) == pytest.approx(5 / 9)


def test_profiles_of_zeros_have_a_convention() -> None:
    """One-hot features: cosines with rows of other classes are 0."""
    x = np.eye(8)
    y = np.roll(x, 1, axis=1)
    with pytest.warns(DegenerateWarning, match="8 of 8 samples have a profile of zeros"):
        assert score(SecondOrderCosine(2), x, y) == 1.0


def test_drop_ins_keep_the_convention_of_theirs() -> None:
    """Ties to the lower row number, on both sides."""
    x, y = np.eye(3)[np.arange(30) % 3], np.eye(2)[np.arange(30) // 15]
    lists = [knn.nearest(features("X", v), 4, metric="dot") for v in (x, y)]
    shared = np.mean([len({*p} & {*q}) / 4 for p, q in zip(*lists, strict=True)])
    assert dropin.platonic_rep.mutual_knn(x, y, topk=4) == pytest.approx(shared)
    assert mutual_knn(x, y, k=4, metric="dot") != pytest.approx(shared)


def test_a_curve_has_ties_too() -> None:
    rng = np.random.default_rng(12)
    x, y = one_hot(rng, 80), one_hot(rng, 80)
    order = rng.permutation(80)
    curve = neighbour_curve(x, y, ks=[2, 5], num_subsets=30)
    assert curve.scores[0, 1] == pytest.approx(mutual_knn(x, y, k=5), abs=1e-12)
    moved = neighbour_curve(x[order], y[order], ks=[2, 5], num_subsets=30)
    # Subsets are others; a score of 10 samples is off by .05, of which 30 are averaged; 5 of them.
    assert moved.scores == pytest.approx(curve.scores, abs=0.05)
    assert np.abs(curve.scores - curve.chance).max() < 0.1


def test_sparse_features_cost_no_more_than_dense_ones() -> None:
    """Twice as much at most, of CPU on one thread; 4 leaves room for a busy machine."""
    rng = np.random.default_rng(13)
    n, d = 400, 4096
    x = np.zeros((2, n, d))
    for row in x.reshape(-1, d):
        row[rng.choice(d, 4, replace=False)] = rng.gamma(2.0, 1.0, 4)
    dense = rng.normal(size=(2, n, d))

    def seconds(pair: Array) -> float:
        taken = []
        for _ in range(3):
            start = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DegenerateWarning)
                mutual_knn(*pair)
            taken.append(time.process_time() - start)
        return min(taken)

    assert seconds(x) < 4.0 * seconds(dense)


def test_ties_of_nearly_all_rows_take_little_memory() -> None:
    """Of 2000 rows of sparse codes no tail is stored by its members."""
    rng = np.random.default_rng(14)
    x = np.zeros((2000, 2000))
    for row in x:
        row[rng.choice(2000, 3, replace=False)] = 1.0
    found = knn.ranked(features("X", x), 30)
    assert found.ties is not None
    assert found.ties.outside.all()
    assert found.ties.tail.nnz < 2000 * 30


def test_tails_of_few_values_are_not_taken_from_moments() -> None:
    """The cosines of one feature make two classes, so that a score depends on one number."""
    rng = np.random.default_rng(15)
    x, y = one_feature(rng, 40), one_feature(rng, 40)
    assert compare(x, y, "mutual_knn", num_bootstrap=0).null == "permutation"
    assert compare(x, y, "cknna", num_bootstrap=0).null == "permutation"
    assert compare(one_hot(rng, 40), multi_hot(rng, 40), "mutual_knn", num_bootstrap=0).null == (
        "moments"
    )


def test_too_many_ties_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, "MOST_TIED", 500)
    with pytest.raises(MethexisError, match="X: expected fewer rows at the same distance, got"):
        knn.ranked(features("X", np.eye(4)[np.arange(80) % 4]), 5)
