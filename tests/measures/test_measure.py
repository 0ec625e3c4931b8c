"""A measure called with two representations: what it takes, and where its warnings point."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import CKA, RSA, MutualKNN, mutual_knn, rdm
from tests.measures.cases import related


def test_an_rdm_stands_for_features_where_dissimilarities_are_enough() -> None:
    x, y = related()
    assert RSA()(rdm(x), y) == RSA()(x, y)
    with pytest.raises(MethexisError, match="cka: expected features for X"):
        CKA()(rdm(x), y)


@pytest.mark.parametrize("score", [mutual_knn, MutualKNN()])
def test_a_warning_is_of_the_line_that_asked_for_the_score(
    score: Callable[..., float],
) -> None:
    x = np.arange(12.0)[:, None] + [1.0, 0.0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        score(x, x[::-1])
    assert caught
    assert {(w.filename, w.lineno) for w in caught} == {(__file__, line)}
