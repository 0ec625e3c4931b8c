"""The curve of mutual kNN over n and k: against scores, and its limit against many samples."""

from __future__ import annotations

import json

import numpy as np
import pytest

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import mutual_knn, neighbour_curve
from tests.measures.cases import related, unrelated


def noisy(n: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 2))
    return shared + 0.3 * rng.normal(size=(n, 2)), shared + 0.3 * rng.normal(size=(n, 2))


def test_the_table_holds_scores() -> None:
    """At full size the score itself; below, close to the mean over other subsets."""
    x, y = related(n=80)
    curve = neighbour_curve(x, y, ks=[3, 8], num_subsets=200, seed=0)
    assert curve.ns == (80, 40, 20, 10)
    full = [mutual_knn(x, y, k=3), mutual_knn(x, y, k=8)]
    assert curve.scores[0] == pytest.approx(full, rel=1e-12)  # a mean of 200 equal numbers
    assert curve.chance == pytest.approx(np.array([[3, 8]]) / (np.array([[80, 40, 20, 10]]).T - 1))
    assert curve.corrected == pytest.approx((curve.scores - curve.chance) / (1 - curve.chance))
    rng = np.random.default_rng(1)
    subsets = [rng.permutation(80)[:20] for _ in range(200)]
    others = np.array([mutual_knn(x[s], y[s], k=3) for s in subsets])
    # Both are means over 200 subsets; the difference has standard error sd sqrt(2/200); 4 of them.
    assert abs(curve.scores[2, 0] - others.mean()) < 4 * others.std() * np.sqrt(2 / 200)


def test_the_limit_at_a_fixed_share_is_what_many_samples_show() -> None:
    """N = 400 extrapolated, against n = 6000 at the same k/n, of other draws of the same law."""
    x, y = noisy(400, seed=0)
    curve = neighbour_curve(x, y, ks=[8, 20], metric="euclidean", num_subsets=20)
    many_x, many_y = noisy(6000, seed=1)
    many = [mutual_knn(many_x, many_y, k=k, metric="euclidean") for k in (120, 300)]
    reach = 0.5 * np.diff(curve.limit_intervals, axis=1)[:, 0]
    assert (np.abs(curve.limits - many) < 1.5 * reach).all()  # 95 % each: 1.5 of it is 99.7 %
    assert (reach < 0.1).all()


def test_identical_representations_do_not_depend_on_n() -> None:
    x, _ = related(n=80)
    curve = neighbour_curve(x, 2.0 * x, ks=[2, 9], num_subsets=3)
    assert (curve.scores[:3] == 1.0).all()
    # At a share of 2/80 only all 80 have a neighbour in each half: no limit.
    assert np.isnan(curve.limits[0])
    assert curve.limits[1] == pytest.approx(1.0, abs=1e-12)
    # 1 - chance does fall with n.
    assert curve.exponents[0] < 0


def test_shared_noise_has_a_falling_score() -> None:
    curve = neighbour_curve(*noisy(400, seed=2), ks=[5], metric="euclidean", num_subsets=20)
    assert curve.exponent_intervals[0, 0] > 0.0


def test_unrelated_representations_have_no_exponent() -> None:
    curve = neighbour_curve(*unrelated(n=160), ks=[8], num_subsets=20, seed=3)
    low, high = curve.limit_intervals[0]
    assert low < 8 / 160 < high
    assert curve.exponents.shape == (1,)


def test_too_many_neighbours_have_no_score() -> None:
    x, y = related(n=80)
    with pytest.warns(DegenerateWarning, match="share at least"):
        curve = neighbour_curve(x, y, ks=[5, 45, 100], ns=[80, 40, 20], num_subsets=3)
    assert np.isnan(curve.scores[:, 2]).all()
    assert np.isnan(curve.scores[:, 1]).tolist() == [False, True, True]
    assert np.isnan(curve.chance[1:, 1]).all()


def test_equal_seeds_equal_curves() -> None:
    x, y = related(n=64, dx=12)
    one, again, other = (neighbour_curve(x, y, ks=[16], num_subsets=3, seed=s) for s in (0, 0, 1))
    assert json.dumps(one.as_dict()) == json.dumps(again.as_dict())
    assert one.scores[1, 0] != other.scores[1, 0]
    assert json.loads(json.dumps(one.as_dict()))["ns"] == [64, 32, 16, 8]
    assert str(one).splitlines()[0].split() == ["n", "k", "=", "16"]


def test_bad_requests_are_refused() -> None:
    x, y = related(n=80)
    for settings, message in (
        ({"ns": [80]}, "ns: expected at least two"),
        ({"ns": [80, 81]}, r"ns: expected an integer in \[8, 80\], got 81"),
        ({"ks": [100]}, "ks: expected numbers of neighbours below 80"),
        ({"metric": "manhattan"}, "metric: expected one of"),
        ({"num_subsets": 1}, "num_subsets: expected"),
    ):
        with pytest.raises(MethexisError, match=message):
            neighbour_curve(x, y, **settings)
