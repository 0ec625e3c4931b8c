"""Linear predictivity against regressions fitted anew without each fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import LinearPredictivity, linear_predictivity
from methexis.measures.subspaces.linear_predictivity import folds
from tests.measures.cases import related, unrelated


def refitted(x: Array, y: Array, parts: list[Any], ridge: float) -> float:
    missed = total = 0.0
    for part in parts:
        rest = np.setdiff1d(np.arange(len(x)), part)
        centred = x[rest] - x[rest].mean(axis=0)
        model = Ridge(alpha=ridge * np.sum(centred**2), solver="svd").fit(x[rest], y[rest])
        predicted = model.predict(x[part]).reshape(y[part].shape)  # it drops a single target's axis
        missed += np.sum((y[part] - predicted) ** 2)
        total += np.sum((y[part] - y[rest].mean(axis=0)) ** 2)
    return float(1 - missed / total)


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 0.3])
@pytest.mark.parametrize("num_folds", [2, 5, 7, 40])
@pytest.mark.parametrize("shape", [(40, 6, 5), (40, 100, 3), (40, 1, 60)])
def test_the_shortcut_is_the_refit(
    ridge: float, num_folds: int, shape: tuple[int, int, int]
) -> None:
    x, y = related(*shape)
    parts = folds(40, num_folds, seed=2)
    ways = [refitted(x, y, parts, ridge), refitted(y, x, parts, ridge)]
    options: dict[str, Any] = {"ridge": ridge, "num_folds": num_folds, "seed": 2}
    # The shortcut divides by 1 - h, which a ridge of 1e-6 lets come close to 0: 1e-16 over 1e-6.
    wanted = {"forward": ways[0], "backward": ways[1], "both": sum(ways) / 2}
    for direction, expected in wanted.items():
        found = linear_predictivity(x, y, direction=direction, **options)
        assert found == pytest.approx(expected, rel=1e-7)


def test_noise_predicts_nothing() -> None:
    """No better than the mean; 5 of the folds' fits to 4 features of 200 samples cost 3 %."""
    x, y = unrelated(n=200, dx=4, dy=3)
    assert -0.1 < linear_predictivity(x, y) < 0.02


def test_a_great_ridge_predicts_the_mean_and_scores_zero() -> None:
    x, y = related()
    assert linear_predictivity(x, y, ridge=1e12) == pytest.approx(0.0, abs=1e-10)


def test_a_known_share_is_found() -> None:
    """`y = w·x + noise` of R² = .8: within 5 standard errors, the fit's loss d / n beside."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 3))
    y = x @ np.array([[1.0], [1.0], [1.0]]) + np.sqrt(3 / 4) * rng.normal(size=(4000, 1))
    found = linear_predictivity(x, y, direction="forward", ridge=0.0)
    # The deviation of R² is 2 √R² (1 - R²) / √n.
    assert abs(found - 0.8) < 5 * 2 * np.sqrt(0.8) * 0.2 / np.sqrt(4000) + 3 / 4000


def test_a_target_in_a_fold_does_not_reach_its_own_prediction() -> None:
    """An outlier in one held-out target changes the score by its own residual and no better."""
    x, y = related(n=30, dx=3, dy=1)
    parts = folds(30, 30, seed=0)
    y[7] += 1e6
    assert linear_predictivity(x, y, num_folds=30, direction="forward", ridge=1e-3) == (
        pytest.approx(refitted(x, y, parts, 1e-3), rel=1e-9)
    )


@pytest.mark.parametrize("size", [1e3, 1e6, 1e9])
@pytest.mark.parametrize("dx", [1, 3])
def test_an_outlier_of_the_predictor_is_predicted_by_the_others(size: float, dx: int) -> None:
    """Held out, it is nearly all that the whole fit saw; the fit without it knows nothing of it."""
    x, y = related(n=30, dx=dx, dy=2)
    x[7, 0] = size
    parts = folds(30, 30, seed=0)
    options: dict[str, Any] = {"num_folds": 30, "direction": "forward", "ridge": 1e-3}
    found = 1.0 - linear_predictivity(x, y, **options)
    # Centred with it, the others keep their digits but for those of the size.
    digits = 1e-15 * size * 100
    assert found == pytest.approx(1.0 - refitted(x, y, parts, 1e-3), rel=max(1e-8, digits))
    assert found > 1e2  # and it is not hidden


def test_an_outlier_beside_which_all_others_are_rounding_predicts_the_mean() -> None:
    x, y = related(n=30, dx=3, dy=2)
    x[7, 0] = 1e160
    found = linear_predictivity(x, y, num_folds=30, direction="forward", ridge=1e-3)
    marked = np.zeros((30, 1))
    marked[7] = 1.0  # all that double precision knows of x
    expected = refitted(marked, y, folds(30, 30, seed=0), 1e-3)
    assert found == pytest.approx(expected, rel=1e-9)


def test_without_ridge_a_feature_of_held_out_samples_alone_is_refused() -> None:
    x, y = related(n=30, dx=3, dy=2)
    x[:, 0] = np.arange(30) == 7
    with pytest.raises(
        MethexisError, match="ridge: expected more than 0, because there are directions of X "
    ):
        linear_predictivity(x, y, ridge=0.0, direction="forward")


def test_folds_are_a_partition_fixed_by_the_seed() -> None:
    parts = folds(23, 5, seed=1)
    assert sorted(np.concatenate(parts)) == list(range(23))
    assert {len(part) for part in parts} == {4, 5}
    assert all(np.array_equal(a, b) for a, b in zip(parts, folds(23, 5, seed=1), strict=True))
    assert not np.array_equal(parts[0], folds(23, 5, seed=2)[0])


def test_more_folds_than_samples_and_no_ridge_are_refused() -> None:
    x, y = unrelated(n=10, dx=9)
    with pytest.raises(MethexisError, match="num_folds: expected at most 10 samples, got 11"):
        linear_predictivity(x, y, num_folds=11)
    with pytest.raises(MethexisError, match=r"ridge: expected more than 0 for 9 directions of X"):
        linear_predictivity(x, y, ridge=0.0)
    with pytest.raises(MethexisError, match="direction"):
        LinearPredictivity(direction="sideways")
