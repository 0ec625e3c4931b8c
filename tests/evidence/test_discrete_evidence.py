"""Calibration on discrete features: its page is that of its files, its families are discrete."""

from __future__ import annotations

import warnings
from functools import cache
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from evidence import discrete
from evidence.attainable import attainable
from methexis.errors import DegenerateWarning
from methexis.measures.inputs.features import features
from methexis.measures.measure import Measure
from methexis.measures.neighbours.cycle_knn import CycleKNN
from methexis.measures.neighbours.mutual_knn import MutualKNN


def test_the_page_is_that_of_the_files() -> None:
    found = discrete.stored()
    if not found:  # a page of nothing would claim something
        assert not discrete.PAGE.exists()
        return
    assert discrete.PAGE.read_text(encoding="utf-8") == discrete.page(found)


def test_every_stored_cell_is_of_full_size_and_none_is_off() -> None:
    """None rejects too often; those that do not often enough can do no better."""
    found = discrete.stored()
    for cells in found.values():
        assert [c.family for c in cells] == list(discrete.FAMILIES)
        assert {c.nulls for c in cells} == {discrete.NUM_NULLS}
    many, few = discrete.corrected(found) if found else ({}, {})
    assert all(p > discrete.SIGNIFICANT for p in many.values())
    rates = discrete.attainable_rates()
    for (name, place), p in few.items():
        cell = found[name][place]
        if p <= discrete.SIGNIFICANT:
            assert cell.family == "one feature"
            assert stats.binomtest(cell.rejected, cell.nulls, rates[name]).pvalue > 0.01


@pytest.mark.parametrize("measure", [MutualKNN(2), CycleKNN(2)], ids=["mutual", "cycle"])
def test_what_is_attainable_of_signs_is_what_all_orders_give(measure: Measure[Any]) -> None:
    """Of five rows: all pairs of features that are not constant, and all orders of each."""
    signs = [np.array(one) for one in product([-1.0, 1.0], repeat=5) if 0 < one.count(1.0) < 5]
    orders = np.array(list(permutations(range(5))))

    @cache
    def score(*rows: tuple[float, float]) -> float:
        pair = [measure.reduce(features("X", one[:, None])) for one in np.array(rows).T]
        return measure.score(*pair)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        rejected = []
        for x, y in product(signs, signs):
            scores = [score(*sorted(zip(x.tolist(), y[o].tolist(), strict=True))) for o in orders]
            mine = score(*sorted(zip(x.tolist(), y.tolist(), strict=True)))
            share = np.mean(np.array(scores) >= mine - 1e-9)
            rejected.append(stats.binom.cdf(4, 99, share))
        found = attainable(measure, num_samples=5, fewest=1)
    assert found == pytest.approx(np.mean(rejected), rel=1e-10)


@pytest.mark.parametrize("family", discrete.FAMILIES)
def test_families_have_equal_distances(family: str) -> None:
    """Of cosines, rounded to 1e-9, some row has two that are equal."""
    x, y = discrete.drawn(family, 0, 0.0)
    assert x.shape == y.shape
    assert (x != y).any()
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    rows = x / np.where(lengths == 0.0, 1.0, lengths)
    cosines = (rows @ rows.T).round(9)
    assert any(len(np.unique(np.delete(row, i))) < len(x) - 1 for i, row in enumerate(cosines))


def test_shared_rows_are_the_same() -> None:
    x, y = discrete.drawn("codes", 3, 0.4)
    same = (x == y).all(axis=1).mean()
    assert 0.15 < same < 0.65  # binomial of 40 at .4: standard error .08, three of them


def test_a_refusal_is_a_cell() -> None:
    cell = discrete.cell("rsa-correlation", "one feature", 1, 0)
    assert "at least 2 features" in cell.refused
    assert "Refused:" in discrete.page({"rsa-correlation": [cell]})


def test_a_cell_counts() -> None:
    cell = discrete.cell("gram_cosine", "multi-hot", 5, 2)
    assert (cell.nulls, cell.alternatives, cell.refused) == (5, 2, "")
    assert cell.rejected <= cell.values == 5
