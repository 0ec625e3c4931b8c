"""Average ranks are SciPy's; those of bootstrap samples are those of the samples written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from methexis.measures.dissimilarity.ranks import average_ranks, group_numbers, repeated_ranks

values = st.lists(st.integers(-4, 4), min_size=2, max_size=30)


@given(values)
def test_average_ranks(given_values: list[int]) -> None:
    x = np.array(given_values, dtype=np.float64)
    assert np.array_equal(average_ranks(x), rankdata(x))
    assert np.array_equal(group_numbers(x), rankdata(x, method="dense") - 1)


@given(values, st.integers(0, 1000))
def test_ranks_of_a_sample_with_repeats(given_values: list[int], seed: int) -> None:
    x = np.array(given_values, dtype=np.float64)
    times = np.random.default_rng(seed).integers(0, 4, size=len(x))
    written_out = rankdata(np.repeat(x, times))
    assert np.array_equal(np.repeat(repeated_ranks(group_numbers(x), times), times), written_out)


def test_ties_within_a_tolerance() -> None:
    x = np.array([3.0, 1.0, 1.0 + 1e-14, 2.0, -5.0 - 1e-13, -5.0])
    assert average_ranks(x, 1e-13).tolist() == [6.0, 3.5, 3.5, 5.0, 1.5, 1.5]
    assert average_ranks(x).tolist() == [6.0, 3.0, 4.0, 5.0, 1.0, 2.0]


def test_torch_agrees() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(0, 9, size=50).astype(np.float64)
    assert np.array_equal(average_ranks(torch.asarray(x)).numpy(), rankdata(x))
