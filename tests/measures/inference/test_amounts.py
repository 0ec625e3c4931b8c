"""How much is drawn where nothing is said: as much as before where that is quick, else less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

import methexis as mx
from methexis.measures import MEASURES, work
from methexis.measures.inference import amounts
from methexis.measures.inference.amounts import (
    FEWEST_GROUPS,
    FEWEST_ORDERS,
    FEWEST_WHOLE,
    ORDERS,
    RESAMPLES,
)

WIDE = ((2000, 400), (2000, 400))


def test_small_pairs_are_given_all() -> None:
    for name in MEASURES:
        plan = mx.measures.plan((100, 8), (100, 8), name)
        if plan.null == "permutation" and name != "rsa_kendall":
            assert plan.num_orders == plan.num_whole == ORDERS
        assert plan.num_resamples in {0, RESAMPLES}
        assert plan.interval in {"bootstrap", "halves", "none"}


def test_wide_subspaces_are_given_parts_and_the_jackknife() -> None:
    for name in ("procrustes", "procrustes_distance", "procrustes_size", "bures", "cca"):
        plan = mx.measures.plan(*WIDE, name)
        assert (plan.null, plan.num_orders) == ("regression", ORDERS)
        assert FEWEST_WHOLE <= plan.num_whole < ORDERS
        assert (plan.interval, plan.num_resamples) == ("jackknife", 2000)
        assert f"999 permutations, {plan.num_whole} of them whole" in str(plan)
    plan = mx.measures.plan(*WIDE, "svcca")
    assert (plan.null, plan.interval, plan.num_resamples) == ("regression", "few", FEWEST_GROUPS)


def test_measures_without_a_part_are_given_fewer() -> None:
    plan = mx.measures.plan(*WIDE, "linear_predictivity")
    assert (plan.null, plan.num_orders, plan.num_whole) == ("permutation",) + 2 * (FEWEST_ORDERS,)


@pytest.mark.parametrize("name", ["procrustes", "cca", "jaccard_knn", "cka"])
def test_what_is_said_is_obeyed(name: str) -> None:
    asked: dict[str, Any] = {"null": "permutation", "num_permutations": 999, "num_bootstrap": 999}
    plan = mx.measures.plan(*WIDE, name, **asked)
    assert (plan.null, plan.num_orders, plan.num_whole) == ("permutation", 999, 999)
    assert plan.num_resamples == 999
    assert plan.interval in {"bootstrap", "halves"}
    auto = mx.measures.plan(*WIDE, name, num_permutations=999)
    assert auto.null in {"permutation", "moments"}
    assert mx.measures.plan(*WIDE, name, num_bootstrap=0).interval == "none"


def test_a_null_by_permutation_is_by_their_ranks() -> None:
    plan = mx.measures.plan(*WIDE, "procrustes", null="permutation")
    assert (plan.null, plan.num_orders, plan.num_whole) == ("permutation",) + 2 * (FEWEST_ORDERS,)


def test_what_is_decided_does_not_depend_on_cores() -> None:
    plans = []
    for threads in (1, 64):
        with mock.patch.object(work, "num_threads", return_value=threads):
            plan = mx.measures.plan(*WIDE, "procrustes")
        plans.append(replace(plan, seconds=0.0, seconds_if_dominated=0.0))
    assert plans[0] == plans[1]


@pytest.mark.parametrize("name", ["procrustes", "bures_distance", "cca", "svcca", "cka"])
def test_what_is_planned_is_done(name: str) -> None:
    """With seconds so few that a small pair is a wide one."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=(400, 110)) * np.arange(1, 111) ** -0.5
    x, y = (common + 0.3 * rng.normal(size=(400, 110)) for _ in range(2))
    few = mock.patch.multiple(amounts, SECONDS_OF_ORDERS=0.01, SECONDS_OF_RESAMPLES=0.001)
    with few:
        plan = mx.measures.plan(x, y, name)
        found = mx.compare(x, y, name)
    whole = mx.compare(x, y, name, num_permutations=49, num_bootstrap=0)
    assert (found.null, found.num_permutations) == (plan.null, plan.num_orders)
    assert (found.num_whole, found.interval) == (plan.num_whole, plan.interval)
    assert found.num_bootstrap == plan.num_resamples
    assert found.score == whole.score
    assert found.ci[0] < found.score < found.ci[1]
    if plan.null == "regression":
        assert found.p == pytest.approx(1.0 / 1000.0, abs=1e-3)
        assert f"of 999 permutations {plan.num_whole} whole" in str(found)
        four = 4.0 * whole.null_sd / np.sqrt(plan.num_whole)
        assert found.null_mean == pytest.approx(whole.null_mean, abs=four)
