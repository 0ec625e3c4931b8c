"""Centred kernels of many samples are symmetric to the last bit; triangles are what they were."""

from __future__ import annotations

import numpy as np
import pytest

from methexis.measures.kernels.estimators import centred
from methexis.measures.pairs import entries


@pytest.mark.parametrize("estimator", ["biased", "song", "lange"])
def test_centring_many_samples_is_symmetric(
    estimator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(0).normal(size=(90, 7))
    kernel = rows @ rows.T
    before = centred(np, kernel, estimator)
    monkeypatch.setattr("methexis.measures.kernels.estimators.LARGE", 90)
    found = centred(np, kernel, estimator)
    assert np.array_equal(found, found.T)
    assert found == pytest.approx(before, rel=1e-12, abs=1e-13)


def test_triangles_of_symmetric_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(1).normal(size=(60, 5))
    plain = entries.Dense(rows @ rows.T)
    wanted = plain.triangles()
    monkeypatch.setattr(entries, "LARGE", 60)
    assert plain.symmetric
    assert plain.triangles() == pytest.approx(wanted, rel=1e-12)
