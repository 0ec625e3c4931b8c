"""Calibration on discrete features: its page is that of its files, its families are discrete."""

from __future__ import annotations

import numpy as np
import pytest

from evidence import discrete


def test_the_page_is_that_of_the_files() -> None:
    found = discrete.stored()
    if not found:  # a page of nothing would claim something
        assert not discrete.PAGE.exists()
        return
    assert discrete.PAGE.read_text(encoding="utf-8") == discrete.page(found)


def test_every_stored_cell_is_of_full_size_and_none_has_too_many_false_alarms() -> None:
    found = discrete.stored()
    for cells in found.values():
        assert [c.family for c in cells] == list(discrete.FAMILIES)
        assert {c.nulls for c in cells} == {discrete.NUM_NULLS}
    many, few = discrete.corrected(found) if found else ({}, {})
    assert all(p > discrete.SIGNIFICANT for p in (*many.values(), *few.values()))


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
