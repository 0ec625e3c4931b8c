"""The best of all pairs over numbers of samples: each a grid, and its price paid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

import methexis as mx
from methexis.core.checks import Array
from methexis.measures import search_curve
from methexis.measures.inference import nulls
from methexis.measures.inference.printing import rounded
from methexis.measures.inputs.representations import both

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 5))
A = {"h1": X + 3.0 * RNG.normal(size=X.shape), "h2": RNG.normal(size=(96, 4))}
B = {"g1": RNG.normal(size=(96, 3)), "g2": X @ RNG.normal(size=(5, 6))}


def part(size: int, count: int, seed: int) -> Array:
    """The rows of a part, drawn as the curve does."""
    order = np.random.default_rng([seed, count]).permutation(96)
    return np.sort(order[:size])


@pytest.mark.parametrize(
    ("measure", "options"),
    [("cka", {"debiased": True}), ("mutual_knn", {"k": 4}), ("procrustes_distance", {})],
)
def test_each_point_is_the_grid_of_its_part(measure: str, options: dict[str, Any]) -> None:
    """Score, chance, p and how many are significant, by `compare_all` of the same rows."""
    curve = search_curve(
        A, B, measure, ns=[48, 96, 24], num_permutations=39, num_subsets=2, seed=3, **options
    )
    assert curve.ns == (96, 48, 24)
    for k, size in enumerate(curve.ns):
        rows = part(size, 3, 3)
        grid = mx.compare_all(
            {name: array[rows] for name, array in A.items()},
            {name: array[rows] for name, array in B.items()},
            measure,
            num_permutations=39,
            seed=3,
            precision="float64",
            **options,
        )
        best = grid.best()
        assert curve.best[k] == (best.layer_a, best.layer_b)
        assert curve.scores[k] == pytest.approx(best.score)
        assert curve.p[k] == pytest.approx(best.p)
        assert curve.significant[k] == np.count_nonzero(grid.significant(0.05))
        cell = grid.data.sel(layer_a=best.layer_a, layer_b=best.layer_b)
        assert curve.chance[k] == pytest.approx(float(cell["null_mean"]))
        assert curve.effects[k] == pytest.approx(float(cell["effect"]))
    assert curve.num_pairs == 4
    assert curve.distance == (measure == "procrustes_distance")


@pytest.mark.parametrize("measure", ["cka", "procrustes", "procrustes_distance"])
def test_what_is_needed_is_where_p_reaches_the_level(measure: str) -> None:
    """By brute force: as many orders have a largest score as large as alpha allows, and no more."""
    curve = search_curve(A, B, measure, ns=[40], alpha=0.1, num_permutations=39, seed=1)
    rows = part(40, 1, 1)
    orders = nulls.orders(40, 39, 1)
    pairs = [(i, j) for i in A for j in B]
    method = mx.measures.MEASURES[measure]()
    observed = np.array([method(A[i][rows], B[j][rows]) for i, j in pairs])
    drawn = np.array(
        [[method(A[i][rows], B[j][rows][order]) for i, j in pairs] for order in orders]
    )
    sign = -1.0 if curve.distance else 1.0
    if method.closed_null(40):
        each = [method.null_moments(*reduced(method, A[i][rows], B[j][rows])) for i, j in pairs]
        mean, sd = (np.array([getattr(one, what) for one in each]) for what in ("mean", "sd"))
    else:
        pool = np.concatenate([observed[None], drawn])
        mean, sd = pool.mean(axis=0), pool.std(axis=0)
    largest = (sign * (drawn - mean) / sd).max(axis=1)
    at = pairs.index(curve.best[0])
    needed = sign * (curve.needed[0] - mean[at]) / sd[at]
    tie = 1e-9
    assert (1 + np.sum(largest >= needed + tie)) / 40 <= 0.1  # a little more is enough
    assert (1 + np.sum(largest >= needed - tie)) / 40 > 0.1 - 1 / 40  # and it is the least such
    own = sign * (observed[at] - mean[at]) / sd[at]
    assert curve.p[0] == pytest.approx((1 + np.sum(largest >= own)) / 40)
    few = search_curve(A, B, measure, ns=[40], alpha=0.01, num_permutations=39, seed=1)
    assert np.isnan(few.needed[0])  # p cannot be that small


def reduced(method: Any, x: Array, y: Array) -> tuple[Any, Any]:
    """Both sides as a measure keeps them."""
    given = both(x, y, scaled=method.scale_free)
    one, other = (method.reduce_any(each) for each in given)
    return one, other


def test_the_search_is_paid_for_where_nothing_is_shared() -> None:
    """Of 100 pairs of models with 3 × 4 layers each: 5 % at either size, to four standard errors.

    The best of 12 without correction is beyond 5 % far more often.
    """
    rejected, naive = np.zeros(2), 0
    for seed in range(100):
        rng = np.random.default_rng([7, seed])
        a, b = rng.normal(size=(3, 32, 3)), rng.normal(size=(4, 32, 3))
        curve = search_curve(
            list(a), list(b), ns=[32, 16], num_permutations=19, num_subsets=2, seed=seed
        )
        rejected += curve.p <= 0.05
        above = curve.scores - curve.chance
        assert (above > 0).all()  # the best is above chance, whatever there is
        grid = mx.compare_all(list(a), list(b), num_permutations=19, seed=seed)
        naive += bool((grid.p <= 0.05).any())
    assert rejected.max() <= binom.ppf(1 - 3e-5, 100, 0.05)
    assert naive > 25


def test_the_pair_that_is_followed_is_not_chosen_anew() -> None:
    curve = search_curve(A, B, "cka", debiased=True, ns=[96, 24], num_permutations=19, seed=2)
    i, j = curve.best[0]
    assert curve.followed[0] == pytest.approx(curve.scores[0])
    assert curve.followed_sd[0] == 0.0
    by_hand = []
    for subset in range(20):
        rows = np.random.default_rng([2, 24, subset]).choice(96, 24, replace=False)
        by_hand.append(mx.measures.cka(A[i][rows], B[j][rows], debiased=True))
    assert curve.followed[1] == pytest.approx(np.mean(by_hand))
    assert curve.followed_sd[1] == pytest.approx(np.std(by_hand, ddof=1))


def test_a_model_beside_itself() -> None:
    curve = search_curve({"x": X, "h2": A["h2"]} | B, ns=[96], num_permutations=19)
    assert curve.num_pairs == 6
    assert curve.best[0] == ("x", "g2")
    assert curve.conclusion == (
        f"The best of 6 pairs ({rounded(float(curve.scores[0]))} at 96 samples) is beyond chance "
        "already at 96 samples"
    )


def test_what_is_said() -> None:
    curve = search_curve(A, B, num_permutations=19, num_subsets=2)
    assert curve.ns == (96, 48, 24, 12)
    weak = type(curve)(**(vars(curve) | {"p": np.array([0.2, 0.01, 0.3, 0.4])}))
    assert weak.conclusion == "The best of 4 pairs is not beyond chance at 96 samples"
    later = type(curve)(**(vars(curve) | {"p": np.array([0.01, 0.02, 0.3, 0.01])}))
    assert later.conclusion.endswith(" is beyond chance from 48 samples on")
    assert str(curve).splitlines()[0].split() == [
        "n", "score", "needed", "chance", "p", "corr.", "most", "aligned",
    ]  # fmt: skip
    assert curve.as_dict()["ns"] == (96, 48, 24, 12)


def test_what_is_refused() -> None:
    with pytest.raises(mx.MethexisError, match="ns: expected"):
        search_curve(A, B, ns=[97])
    with pytest.raises(mx.MethexisError, match="ns: expected"):
        search_curve(A, B, ns=[])
    with pytest.raises(mx.MethexisError, match="two representations or more"):
        search_curve([X])
    with pytest.raises(mx.MethexisError, match="alpha"):
        search_curve(A, B, alpha=1.0)
