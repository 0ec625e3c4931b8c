"""Kendall's tau of RDMs against counting, with ties."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import RDM, rsa_kendall
from tests.measures.cases import related


def counted(a: Array, b: Array, variant: str) -> float:
    one, two = (np.sign(v[:, None] - v[None, :]) for v in (a, b))
    pairs = len(a) * (len(a) - 1)
    untied = np.sqrt(np.sum(one != 0) * np.sum(two != 0))
    return float(np.sum(one * two) / (pairs if variant == "a" else untied))


@pytest.mark.parametrize("variant", ["a", "b"])
def test_agrees_with_counting(variant: str) -> None:
    rng = np.random.default_rng(0)
    for high in (3, 8, 1000):
        a, b = (rng.integers(0, high, size=66).astype(np.float64) for _ in range(2))
        found = rsa_kendall(RDM(a), RDM(b), variant=variant)
        assert found == pytest.approx(counted(a, b, variant), abs=1e-14)  # rounding
    x, y = related()
    for kind in ("euclidean", "correlation", "cosine"):
        want = stats.kendalltau(pdist(x, kind), pdist(y, kind)).statistic  # no ties: a is b
        assert rsa_kendall(x, y, kind, variant) == pytest.approx(want, abs=1e-14)


def test_ties_cost_only_tau_a() -> None:
    """A model of two categories, against itself: tau-b rewards what tau-a does not."""
    classes = np.repeat([0, 1], 6)
    i, j = np.triu_indices(12, 1)
    model = RDM((classes[i] != classes[j]).astype(np.float64))
    assert rsa_kendall(model, model, variant="b") == pytest.approx(1.0, abs=1e-15)
    # 36 pairs of dissimilarity 1 and 30 of 0 leave 36 * 30 of 66 * 65 / 2 pairs untied.
    assert rsa_kendall(model, model) == pytest.approx(36 * 30 / (33 * 65), abs=1e-15)


def test_sees_no_monotonic_change() -> None:
    x, y = related()
    assert rsa_kendall(RDM(np.exp(pdist(x))), y) == rsa_kendall(x, y)


def test_bad_input() -> None:
    x, y = related(n=10)
    with pytest.raises(MethexisError, match="variant: expected one of 'a', 'b', got 'c'"):
        rsa_kendall(x, y, variant="c")
    with pytest.raises(MethexisError, match="X: expected dissimilarities that differ"):
        rsa_kendall(RDM(np.ones(45)), y)
