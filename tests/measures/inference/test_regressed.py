"""Nulls of which most scores are predicted from a part: between permutation and Student's law."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from scipy import stats

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning
from methexis.measures import CCA, Procrustes
from methexis.measures.inference import nulls
from methexis.measures.inference.regressed import chosen, fitted, regressed
from methexis.measures.inputs.features import features
from methexis.measures.measure import Orders
from methexis.measures.rounding import ROUGH, TIE

NUM_ORDERS, NUM_WHOLE = 199, 10


def drawn(seed: int, explained: float) -> tuple[Array, Array]:
    """Parts, and whole scores of which they explain a share."""
    rng = np.random.default_rng(seed)
    parts = rng.gamma(2.0, size=NUM_ORDERS + 1)
    noise = rng.normal(size=NUM_ORDERS + 1) * np.sqrt(2.0)
    return parts, 5.0 + np.sqrt(explained) * parts + np.sqrt(1.0 - explained) * noise


def p_of(parts: Array, whole: Array, *, distance: bool = False) -> float:
    """The p of the last score, of which no null knows."""
    which = chosen(parts[:-1], NUM_WHOLE)
    null = fitted(parts[:-1], which, whole[:-1][which])
    return null.p_value(float(whole[-1]), distance=distance)


@pytest.mark.parametrize("seed", range(5))
def test_a_part_that_says_all_gives_the_permutation_test(seed: int) -> None:
    parts, whole = drawn(seed, explained=1.0)
    wanted = nulls.from_scores(whole[:-1]).p_value(float(whole[-1]), distance=False)
    assert p_of(parts, whole) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("explained", [0.0, 0.5, 1.0])
def test_a_distance_is_the_same_with_the_sign_turned(explained: float) -> None:
    parts, whole = drawn(1, explained)
    assert p_of(parts, -whole, distance=True) == pytest.approx(p_of(parts, whole), abs=1e-12)


def test_parts_that_are_all_alike_give_students_test() -> None:
    """Every order that is not scored whole has the probability of one score against the others."""
    rng = np.random.default_rng(0)
    whole = rng.normal(size=NUM_WHOLE)
    null = fitted(np.ones(NUM_ORDERS), np.arange(NUM_WHOLE), whole)
    spread = np.std(whole, ddof=1) * np.sqrt(1.0 + 1.0 / NUM_WHOLE)
    one = stats.t.sf((4.0 - whole.mean()) / spread, NUM_WHOLE - 1)
    wanted = (1.0 + (NUM_ORDERS - NUM_WHOLE) * one) / (1.0 + NUM_ORDERS)
    assert null.p_value(4.0, distance=False) == pytest.approx(wanted, rel=1e-12)
    assert null.num_orders == NUM_ORDERS
    assert null.mean == pytest.approx(whole.mean())
    assert null.sd == pytest.approx(np.std(whole, ddof=1))


@pytest.mark.parametrize("explained", [0.0, 0.5, 0.95])
def test_p_is_not_below_its_level_more_often_than_that_says(explained: float) -> None:
    """2000 draws: a count at .05 has a deviation of 9.7, and four of them are allowed.

    Below it may be: a prediction is less sure than the score, so that tails are rather too long.
    """
    found = [p_of(*drawn(1000 + seed, explained)) for seed in range(2000)]
    assert 40 < np.count_nonzero(np.array(found) <= 0.05) < 139


def test_p_is_never_below_that_of_all_permutations() -> None:
    parts, whole = drawn(3, explained=0.5)
    whole[-1] = 1e6
    assert p_of(parts, whole) == pytest.approx(1.0 / (1 + NUM_ORDERS), rel=1e-6)


def test_scores_that_are_all_ties_reject_nothing() -> None:
    """As many directions as samples have: every canonical correlation is 1, in every order."""
    rng = np.random.default_rng(0)
    a, b = (CCA().reduce(features("X", rng.normal(size=(60, 59)))) for _ in range(2))
    null = regressed(CCA(), a, b, nulls.orders(60, NUM_ORDERS, 0), NUM_WHOLE)
    with pytest.warns(DegenerateWarning, match="every canonical correlation is 1"):
        score = CCA().score(a, b)
    assert null.p_value(score, distance=False) == 1.0
    assert null.sd == 0.0


@pytest.mark.parametrize("measure", [Procrustes(), Procrustes(alpha=0.0), CCA()])
def test_it_is_near_the_null_of_all_orders(measure: Procrustes | CCA) -> None:
    """A mean over 999 orders against a regression on ten: four of its deviations are allowed."""
    rng = np.random.default_rng(2)
    sizes = np.arange(1, 49) ** -1.0
    a, b = (measure.reduce(features("X", rng.normal(size=(150, 48)) * sizes)) for _ in range(2))
    orders = nulls.orders(150, 999, 0)
    found = regressed(measure, a, b, orders, NUM_WHOLE)
    wanted = nulls.from_scores(measure.permuted(a, b, orders))
    assert found.mean == pytest.approx(wanted.mean, abs=4.0 * wanted.sd / np.sqrt(NUM_WHOLE))
    assert 0.3 < found.sd / wanted.sd < 2.0  # chi with eight degrees, four deviations
    score = wanted.mean + 6.0 * wanted.sd
    assert found.p_value(score, distance=False) < 0.01


@dataclass
class Stated:
    """A measure of which the scores are known, and what rough ones are off by."""

    scores: Array
    error: Array
    exact: list[int] = field(default_factory=list)  # how many were computed exactly, call by call

    def permuted(self, a: Any, b: Any, orders: Orders) -> Array:
        self.exact.append(len(orders))
        return self.scores[orders[:, 0]]

    def permuted_roughly(self, a: Any, b: Any, orders: Orders) -> Array:
        return self.scores[orders[:, 0]] + self.error[orders[:, 0]]

    def permuted_part(self, a: Any, b: Any, orders: Orders) -> Array:
        return self.scores[orders[:, 0]]

    def null_mean(self, a: Any, b: Any) -> None:
        return None


@pytest.mark.parametrize(
    ("spread", "error", "exact"),
    [
        (1e-3, 1e-6, []),  # more than ten times what any rough score is off by
        (5e-5, 1e-9, [2]),  # more than a hundred times what two of them are off by
        (5e-5, 1e-6, [2, NUM_WHOLE]),
    ],
)
def test_rough_scores_are_taken_where_they_spread_by_more_than_they_are_off(
    spread: float, error: float, exact: list[int]
) -> None:
    rng = np.random.default_rng(8)
    scores = 1.0 + spread * rng.normal(size=NUM_ORDERS)
    off = error * np.where(rng.random(NUM_ORDERS) < 0.5, -1.0, 1.0)
    measure: Any = Stated(scores, off)
    null = regressed(measure, None, None, np.arange(NUM_ORDERS)[:, None], NUM_WHOLE)
    assert measure.exact == exact
    which = chosen(scores, NUM_WHOLE)
    taken = scores[which] + (off[which] if len(exact) < 2 else 0.0)
    np.testing.assert_array_equal(null.scores, taken)
    # Ten times two errors, of which either is as large as any; of 1 + 5e-5 at most three times.
    wanted = {0: ROUGH, 1: 10.0 * error, 2: TIE}[len(exact)]
    assert null.rounding == pytest.approx(wanted, rel=1e-3)


def test_scores_that_are_off_by_all_they_spread_are_computed_exactly() -> None:
    """Scores that are equal, of which rough ones are not."""
    measure: Any = Stated(
        np.ones(NUM_ORDERS), 1e-7 * np.random.default_rng(9).normal(size=NUM_ORDERS)
    )
    null = regressed(measure, None, None, np.arange(NUM_ORDERS)[:, None], NUM_WHOLE)
    assert measure.exact == [2, NUM_WHOLE]
    assert null.sd == 0.0
