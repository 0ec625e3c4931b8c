"""Bandwidths of bootstrap samples, against each sample's own median."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from methexis.core.checks import Array
from methexis.measures import CKA, HSIC, Measure
from methexis.measures.inference import nulls
from methexis.measures.inputs.features import features
from methexis.measures.kernels.bandwidth import RBFMatrix
from tests.measures.cases import label, related


def medians(x: Array, counts: Array) -> Array:
    """Median distance between different samples of each bootstrap sample, pairs as often drawn."""
    found = []
    for w in counts:
        rows = np.repeat(np.arange(len(w)), w)
        distances = cdist(x[rows], x[rows])
        found.append(np.median(distances[rows[:, None] != rows[None, :]]))
    return np.array(found)


def reduced(measure: Measure[Any], n: int) -> tuple[Any, Any]:
    a, b = (measure.reduce(features("X", v)) for v in related(n=n, seed=3))
    return a, b


def test_medians_of_bootstrap_samples() -> None:
    """Right to first order: what is left is a part of their spread, less with more samples."""
    left = {}
    for n in (50, 400):
        x, _ = related(n=n, seed=3)
        a, _ = reduced(HSIC(), n)
        counts = nulls.counts(n, 60, 0)
        own = medians(x, counts) / medians(x, np.ones((1, n), dtype=np.int64)) - 1.0
        left[n] = np.std(a.widened(counts) - own) / np.std(own)
    assert left[50] < 0.3
    assert left[400] < 0.15


@pytest.mark.parametrize(
    "measure",
    [HSIC(), HSIC(bandwidth=0.5), HSIC(debiased=True), CKA(kernel="rbf")],
    ids=label,
)
def test_the_response_is_the_derivative_by_the_bandwidth(measure: Any) -> None:
    """Of each side, by central differences with step 1e-4, whose error is of its square."""
    a, b = reduced(measure, 30)
    assert isinstance(a, RBFMatrix)
    scores = []
    for sign in (1.0, -1.0):
        bandwidth = measure.bandwidth * np.exp(sign * 1e-4)
        options = measure.options() | {"bandwidth": bandwidth}
        one, _ = reduced(type(measure)(**options), 30)
        scores.append(one.inner(b))
    slope = (scores[0] - scores[1]) / 2e-4
    found = float(np.sum(a.response * b.matrix))
    if measure.normalised:
        found -= a.inner(b) * float(np.sum(a.response * a.matrix))
    assert found == pytest.approx(slope, rel=1e-5)


def test_resamples_follow_their_own_bandwidth() -> None:
    """HSIC of bootstrap samples with the kernel of each: far nearer than with that of all samples.

    First order leaves a fraction ``1/√n`` of the spread, and here the fixed kernel all of it.
    """
    n, measure = 200, HSIC()
    pair = related(n=n, seed=3)
    scale = np.sqrt(5.0 / np.random.default_rng(0).chisquare(5, size=(n, 1)))
    x, y = (scale * v for v in pair)
    a, b = (measure.reduce(features("X", v)) for v in (x, y))
    counts = nulls.counts(n, 60, 0)
    own = []
    for w in counts:
        rows = np.repeat(np.arange(n), w)
        kernels = []
        for v in (x, y):
            distances = cdist(v[rows], v[rows])
            median = np.median(distances[rows[:, None] != rows[None, :]])
            kernel = np.exp(-((distances / median) ** 2) / 2.0)
            centred = kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()
            kernels.append(centred)
        own.append(np.sum(kernels[0] * kernels[1]) / (n - 1) ** 2)
    found = measure.resampled(a, b, counts)
    assert np.std(found - np.array(own)) < 0.25 * np.std(own)
    assert np.corrcoef(found, own)[0, 1] > 0.97


def test_one_sample_again_and_again_has_no_bandwidth() -> None:
    """NaN, without a warning of NumPy's, which would be an error here."""
    counts = np.array([[0, 4, 0, 0], [1, 1, 1, 1], [3, 1, 0, 0]])
    for measure in (HSIC(), CKA(kernel="rbf")):
        a, b = reduced(measure, 4)
        assert np.isnan(a.widened(counts)).tolist() == [True, False, False]
        found = measure.resampled(a, b, counts)
        assert found is not None
        assert np.isnan(found).tolist() == [True, False, False]


def test_permuted_rows_have_permuted_responses() -> None:
    a, _ = reduced(HSIC(), 20)
    order = np.random.default_rng(0).permutation(20)
    turned = a.reordered(order)
    np.testing.assert_allclose(turned.response, a.response[np.ix_(order, order)], atol=1e-15)
    counts = nulls.counts(20, 4, 0)
    np.testing.assert_allclose(turned.widened(counts[:, order]), a.widened(counts), atol=1e-12)


def test_torch_gives_the_same() -> None:
    torch = pytest.importorskip("torch")
    counts = nulls.counts(20, 5, 0)
    here, there = (
        HSIC().resampled(
            *(HSIC().reduce(features("X", to(v))) for v in related(n=20, seed=3)), counts
        )
        for to in (np.asarray, torch.asarray)
    )
    np.testing.assert_allclose(here, there, rtol=1e-9)
