"""Classical scaling: distances of the points are those of the RDM, and the picture is unique."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from scipy.spatial.distance import pdist

from methexis.errors import MethexisError
from methexis.measures import MDS, RDM, mds, rdm

X = np.random.default_rng(0).normal(size=(12, 3)) * [3.0, 2.0, 1.0]


@pytest.mark.parametrize("kind", ["euclidean", "squared", "given", "cosine"])
def test_points_come_back(kind: str) -> None:
    """Up to a rotation, of which distances know nothing; those of unit rows are 2 (1 - cos)."""
    rows = X / np.linalg.norm(X, axis=1, keepdims=True) if kind == "cosine" else X
    given = RDM(pdist(X)) if kind == "given" else rdm(X, kind)
    found = mds(given, 3)
    assert pdist(found.points) == pytest.approx(pdist(rows), rel=1e-10)  # rounding
    assert found.share == pytest.approx(1.0, abs=1e-12)
    assert found.points.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)


def test_the_first_dimensions_are_the_principal_components() -> None:
    centred = X - X.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred)
    found = mds(rdm(X))
    components = centred @ axes[:2].T
    assert np.abs(found.points) == pytest.approx(np.abs(components), abs=1e-10)
    assert found.share == pytest.approx(np.sum(sizes[:2] ** 2) / np.sum(sizes**2), abs=1e-12)
    assert (found.points[np.argmax(np.abs(found.points), axis=0), [0, 1]] > 0).all()


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_any_unit(unit: float) -> None:
    one, other = mds(RDM(pdist(X))), mds(RDM(pdist(X) * unit))
    assert other.points / unit == pytest.approx(one.points, rel=1e-9)


def test_negative_distances_are_of_an_estimate() -> None:
    noisy = RDM(pdist(X) ** 2 + np.random.default_rng(1).normal(size=66), "crossnobis")
    assert (noisy.condensed < 0).any()
    assert 0.5 < mds(noisy).share < 1.0


def test_it_is_drawn() -> None:
    pyplot.switch_backend("agg")
    found = mds(rdm(X, labels=[f"$s{k}$" for k in range(12)]))
    axes = found.plot()
    axes.figure.canvas.draw()  # names are no mathematics
    assert [text.get_text() for text in axes.texts] == [f"$s{k}$" for k in range(12)]
    many = rdm(np.random.default_rng(0).normal(size=(60, 3)), labels=[str(k) for k in range(60)])
    assert not mds(many).plot().texts
    pyplot.close("all")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mds(np.zeros((5, 5))), "expected samples that differ"),
        (lambda: mds(RDM(pdist(X[:, :1]))), "at least 2 directions in which samples spread, got 1"),
        (lambda: mds(rdm(X), 12), "num_dimensions: expected an integer in .1, 11., got 12"),
        (lambda: mds(X), "RDM: expected a square matrix"),
        (lambda: mds(RDM(pdist(X[:, :1])), 1).plot(), "plot: expected at least 2 dimensions"),
    ],
)
def test_bad_input_is_one_sentence(call: Any, message: str) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_result_is_one() -> None:
    assert isinstance(mds(rdm(X)), MDS)
