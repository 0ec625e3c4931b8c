"""Bootstrap samples of kernels, all at once, against each written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from methexis.core.checks import Array
from methexis.measures import CKA, HSIC, RV, DistanceCorrelation, GramCosine, Measure
from methexis.measures.inference import nulls
from methexis.measures.inputs.features import features
from methexis.measures.kernels import bandwidth, bootstrap, rows
from tests.measures.cases import label, related
from tests.measures.kernels.brute import CLOSE, cosine, gretton, rbf, song_by_quadruples

#: Drawn once each; ordinary; one sample often; four different ones left.
COUNTS = np.array(
    [
        [1, 1, 1, 1, 1, 1, 1],
        [2, 0, 1, 1, 3, 0, 0],
        [4, 0, 1, 0, 1, 1, 0],
        [0, 1, 2, 2, 0, 1, 1],
        [1, 2, 0, 0, 0, 2, 2],
    ]
)


def linear(x: Array) -> Array:
    return x @ x.T


def repeated(matrix: Array, w: Array) -> Array:
    """The matrix of a bootstrap sample with its duplicates written out."""
    index = np.repeat(np.arange(len(w)), w)
    return matrix[np.ix_(index, index)]


def plain(k: Array, l: Array) -> float:  # noqa: E741
    return float(np.sum(k * l))


def lange_of_originals(w: Array) -> Any:
    """Lange's sum over all positions that do not hold the same original."""
    originals = np.repeat(np.arange(len(w)), w)
    different = originals[:, None] != originals[None, :]

    def estimate(k: Array, l: Array) -> float:  # noqa: E741
        h = np.eye(len(k)) - 1.0 / len(k)
        return float(np.sum((h @ k @ h) * (h @ l @ h) * different))

    return estimate


def v_statistic(estimate: Any, k: Array, l: Array, w: Array) -> float:  # noqa: E741
    return cosine(estimate, repeated(k, w), repeated(l, w))


def u_statistic(k: Array, l: Array, w: Array) -> float:  # noqa: E741
    return cosine(lambda a, b: song_by_quadruples(a, b, w), k, l)


def v_gretton(k: Array, l: Array, w: Array) -> float:  # noqa: E741
    return v_statistic(gretton, k, l, w)


def v_plain(k: Array, l: Array, w: Array) -> float:  # noqa: E741
    return v_statistic(plain, k, l, w)


def v_lange(k: Array, l: Array, w: Array) -> float:  # noqa: E741
    return v_statistic(lange_of_originals(w), k, l, w)


def v_hsic(k: Array, l: Array, w: Array) -> float:  # noqa: E741
    return gretton(repeated(k, w), repeated(l, w))


def median_rbf(x: Array) -> Array:
    return rbf(x, 1.0)


def closeness(x: Array) -> Array:
    return -cdist(x, x)


CASES: list[tuple[Measure[Any], Any, Any]] = [
    (CKA(), linear, v_gretton),
    (RV(), linear, v_gretton),
    (GramCosine(), linear, v_plain),
    (CKA(kernel="rbf"), median_rbf, v_gretton),
    (HSIC(), median_rbf, v_hsic),
    (CKA(debiased=True), linear, u_statistic),
    (CKA(kernel="rbf", debiased=True), median_rbf, u_statistic),
    (HSIC(kernel="linear", debiased=True), linear, song_by_quadruples),
    (DistanceCorrelation(debiased=True), closeness, u_statistic),
    (CKA(debiased=True, estimator="lange"), linear, v_lange),
    (RV(modified=True), linear, v_lange),
]


@pytest.mark.parametrize(
    ("measure", "kernel", "expected"), CASES, ids=[label(measure) for measure, *_ in CASES]
)
@pytest.mark.parametrize("block", [1, 1 << 22])
def test_every_bootstrap_sample(
    measure: Measure[Any], kernel: Any, expected: Any, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the bandwidth of all samples; how it follows is in test_bandwidth.py."""
    monkeypatch.setattr(bootstrap, "BLOCK", block)
    monkeypatch.setattr(bandwidth, "moved", lambda *_, **__: 0.0)
    x, y = related(n=7, dx=4, dy=3, seed=1)
    a, b = (measure.reduce(features(n, v)) for n, v in (("X", x), ("Y", y)))
    found = measure.resampled(a, b, COUNTS)
    assert found is not None
    k, l = kernel(x), kernel(y)  # noqa: E741
    for score, w in zip(found, COUNTS, strict=True):
        assert score == pytest.approx(expected(k, l, w), **CLOSE)


def test_sampled_features_with_weights() -> None:
    """Numerator and pairs of different features, each by quadruples."""
    shared = np.random.default_rng(2).normal(size=(7, 1))
    x, y = (shared + 0.3 * v for v in related(n=7, dx=4, dy=3, seed=2))
    measure = CKA(debiased=True, sampled_features=True)
    a, b = (measure.reduce(features(n, v)) for n, v in (("X", x), ("Y", y)))
    found = measure.resampled(a, b, COUNTS)
    assert np.isfinite(found).sum() >= 3
    for score, w in zip(found, COUNTS, strict=True):
        own = []
        for v in (x, y):
            d = v.shape[1]
            total = song_by_quadruples(linear(v), linear(v), w)
            columns = [linear(v[:, [c]]) for c in range(d)]
            single = sum(song_by_quadruples(c, c, w) for c in columns)
            own.append((total - single) * d / (d - 1))
        if min(own) <= 0.0:
            assert np.isnan(score)
        else:
            both = song_by_quadruples(linear(x), linear(y), w)
            assert score == pytest.approx(both / math.sqrt(own[0] * own[1]), **CLOSE)


def test_fewer_than_four_different_samples_have_no_debiased_score() -> None:
    x, y = related(n=7, seed=3)
    measure = CKA(debiased=True)
    a, b = (measure.reduce(features(n, v)) for n, v in (("X", x), ("Y", y)))
    counts = np.array([[3, 2, 2, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
    found = measure.resampled(a, b, counts)
    assert np.isnan(found).tolist() == [True, False]


@pytest.mark.parametrize(
    "measure",
    [CKA(), CKA(debiased=True), CKA(debiased=True, estimator="lange"), RV(), GramCosine()],
    ids=label,
)
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("from_rows", [False, True])
def test_what_is_only_rounding_has_no_score(
    measure: Measure[Any], precision: str, from_rows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rows of 60 that are not zero: a sample with neither scored 4 or -7 by its rounding."""
    monkeypatch.setattr(rows, "MOST_SAMPLES", 10 if from_rows else 8192)
    rng = np.random.default_rng(0)
    x = np.zeros((60, 3))
    x[:2] = rng.normal(size=(2, 3))
    y = x @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    a, b = (measure.reduce(features("X", v, precision=precision)) for v in (x, y))
    counts = nulls.counts(60, 200, 0)
    found = measure.resampled(a, b, counts)
    assert found is not None
    neither = (counts[:, :2] == 0).all(axis=1)
    assert neither.any()
    assert np.isnan(found[neither]).all()
    tolerance = 1e-9 if precision == "float64" else 1e-2
    # The others are rotated copies. Debiased, one row among equal ones has no norm either.
    assert found[~np.isnan(found)] == pytest.approx(1.0, abs=tolerance)
    assert np.isfinite(found[(counts[:, :2] > 0).all(axis=1)]).all()


def test_duplicates_do_not_raise_debiased_scores() -> None:
    """Independent features: the mean over bootstrap samples stays at zero; biased, it grows."""
    rng = np.random.default_rng(4)
    means = {}
    for debiased in (True, False):
        measure = CKA(debiased=debiased)
        values = []
        for _ in range(60):
            x, y = rng.normal(size=(30, 20)), rng.normal(size=(30, 20))
            a, b = (measure.reduce(features(n, v)) for n, v in (("X", x), ("Y", y)))
            counts = rng.multinomial(30, np.full(30, 1 / 30), size=20)
            drawn = np.mean(measure.resampled(a, b, counts))
            values.append(drawn if debiased else drawn - measure.score(a, b))
        means[debiased] = np.mean(values) / (np.std(values) / math.sqrt(len(values)))
    assert abs(means[True]) < 5
    assert means[False] > 5


def test_torch_gives_the_same() -> None:
    torch = pytest.importorskip("torch")
    x, y = related(n=20, seed=5)
    counts = np.random.default_rng(6).multinomial(20, np.full(20, 1 / 20), size=5)
    for measure in (CKA(), CKA(debiased=True), CKA(debiased=True, sampled_features=True)):
        here, there = (
            measure.resampled(
                *(measure.reduce(features(n, to(v))) for n, v in (("X", x), ("Y", y))), counts
            )
            for to in (np.asarray, torch.asarray)
        )
        np.testing.assert_allclose(here, there, rtol=1e-9)  # order of summation
