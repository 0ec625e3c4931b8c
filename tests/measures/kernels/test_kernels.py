"""Kernels and estimators of HSIC against plain formulas and scikit-learn."""

from __future__ import annotations

import itertools
import math
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import (
    CKA,
    HSIC,
    RV,
    GramCosine,
    Measure,
    cka,
    distance_correlation,
    gram_alignment,
    gram_cosine,
    hsic,
    rv,
)
from methexis.measures.inference import nulls
from methexis.measures.inputs.features import features
from methexis.measures.kernels import rows
from methexis.measures.kernels.rows import FeatureRows
from methexis.measures.pairs import products
from tests.measures.cases import label, measured, related, unrelated
from tests.measures.kernels.brute import CLOSE, cosine, gretton, lange, rbf, song_by_quadruples

few = pytest.mark.parametrize("n", [4, 5, 7])


@few
def test_song_estimator_is_the_u_statistic(n: int) -> None:
    x, y = related(n=n, seed=1)
    k, l = x @ x.T, y @ y.T  # noqa: E741  (not centred: constants cancel)
    assert hsic(x, y, kernel="linear", debiased=True) == pytest.approx(
        song_by_quadruples(k, l), **CLOSE
    )
    assert cka(x, y, debiased=True) == pytest.approx(cosine(song_by_quadruples, k, l), **CLOSE)
    wide = cka(x, y, kernel="rbf", bandwidth=0.8, debiased=True)
    assert wide == pytest.approx(cosine(song_by_quadruples, rbf(x, 0.8), rbf(y, 0.8)), **CLOSE)


@few
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_biased_and_lange_estimators(n: int, kernel: str) -> None:
    x, y = related(n=n, seed=2)
    k, l = (x @ x.T, y @ y.T) if kernel == "linear" else (rbf(x, 1.0), rbf(y, 1.0))  # noqa: E741
    assert hsic(x, y, kernel=kernel) == pytest.approx(gretton(k, l), **CLOSE)
    assert cka(x, y, kernel=kernel) == pytest.approx(cosine(gretton, k, l), **CLOSE)
    found = cka(x, y, kernel=kernel, debiased=True, estimator="lange")
    assert found == pytest.approx(cosine(lange, k, l), **CLOSE)


def test_linear_cka_of_features() -> None:
    x, y = related()
    xc, yc = x - x.mean(axis=0), y - y.mean(axis=0)
    norms = [np.linalg.norm(a.T @ b) for a, b in ((xc, yc), (xc, xc), (yc, yc))]
    assert cka(x, y) == pytest.approx(norms[0] ** 2 / (norms[1] * norms[2]), **CLOSE)
    assert rv(x, y) == pytest.approx(cka(x, y), **CLOSE)
    assert rv(x, y, modified=True) == pytest.approx(
        cka(x, y, debiased=True, estimator="lange"), **CLOSE
    )


def test_distance_correlation_is_a_mean_of_products() -> None:
    """Biased as of 2007; corrected: n² dCov² is HSIC by quadruples of minus the distances."""
    x, y = related(n=7, seed=3)
    a, b = cdist(x, x), cdist(y, y)
    assert distance_correlation(x, y) == pytest.approx(cosine(gretton, a, b), **CLOSE)
    corrected = cosine(song_by_quadruples, -a, -b)
    assert distance_correlation(x, y, debiased=True) == pytest.approx(corrected, **CLOSE)


def test_gram_cosine_and_what_goes_with_it() -> None:
    x, y = related()
    k, l = x @ x.T, y @ y.T  # noqa: E741
    expected = np.sum(k * l) / (np.linalg.norm(k) * np.linalg.norm(l))
    found = gram_alignment(x, y)
    assert gram_cosine(x, y) == pytest.approx(expected, **CLOSE)
    assert found.cosine == pytest.approx(expected, **CLOSE)
    assert found.scale == pytest.approx(np.sum(k * l) / np.sum(k * k), **CLOSE)  # least squares
    assert found.rotation.shape == (5, 6)


def test_debiased_scores_of_independent_features_are_zero_on_average() -> None:
    """And biased ones are not. 400 pairs, n = 12, d = 30."""
    scores = {
        "song": [cka(*unrelated(n=12, dx=30, dy=30, seed=s), debiased=True) for s in range(400)],
        "biased": [cka(*unrelated(n=12, dx=30, dy=30, seed=s)) for s in range(400)],
    }
    mean, error = (
        {k: f(v) for k, v in scores.items()}
        for f in (np.mean, lambda v: np.std(v) / math.sqrt(len(v)))
    )
    assert abs(mean["song"]) < 5 * error["song"]
    assert mean["biased"] > 0.7


def populations(n: int, d: int, rng: np.random.Generator) -> tuple[Array, Array, float]:
    """Features drawn out of two Gaussian populations over 40 signals, and CKA of all of them.

    With signals u of covariance I and features ``a·u`` with a ~ N(0, C), the kernel of the
    population is ``uᵀ C u'`` and CKA is the cosine of the matrices C.
    """
    spectrum = np.arange(1, 41) ** -0.3
    spectra = spectrum, np.roll(spectrum, 5)
    signals = rng.normal(size=(n, 40))
    x, y = ((signals * np.sqrt(c)) @ rng.normal(size=(40, d)) for c in spectra)
    return x, y, float(np.sum(spectra[0] * spectra[1]) / np.sum(spectrum**2))


def test_correction_for_sampled_features_removes_the_bias() -> None:
    """20 features of populations with 37 effective dimensions: CKA is .93, and .32 without it."""
    rng = np.random.default_rng(4)
    found: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(200):
        x, y, truth = populations(100, 20, rng)
        for corrected, scores in found.items():
            scores.append(cka(x, y, debiased=True, sampled_features=corrected))
    bias = {k: np.mean(v) - truth for k, v in found.items()}
    assert bias[False] < -0.5
    # The parts are unbiased. E h^{-1/2} exceeds (E h)^{-1/2} by about 3/8 of the relative variance
    # of h, which is .05 here: twice .02.
    assert abs(bias[True]) < 0.04 + 4 * np.std(found[True]) / math.sqrt(200)


def test_normaliser_of_sampled_features_is_unbiased() -> None:
    """Its mean over populations is HSIC of the population's kernel, ``Σ C²`` for Gaussians."""
    rng = np.random.default_rng(5)
    own = [pairs_of_features(populations(20, 4, rng)[0]) for _ in range(400)]
    expected = np.sum(np.arange(1, 41) ** -0.6)
    assert abs(np.mean(own) - expected) < 5 * np.std(own) / math.sqrt(len(own))


def pairs_of_features(x: Array) -> float:
    """Mean of HSIC over pairs of different features, one after the other."""
    d = x.shape[1]
    pairs = itertools.permutations(range(d), 2)
    total = sum(hsic(x[:, [a]], x[:, [b]], kernel="linear", debiased=True) for a, b in pairs)
    return total / (d * (d - 1))


def test_normaliser_of_sampled_features_is_that_of_pairs() -> None:
    """The score is the uncorrected numerator over the roots of means over different features."""
    x, y, _ = populations(60, 8, np.random.default_rng(9))
    both = hsic(x, y, kernel="linear", debiased=True) / 64
    expected = both / math.sqrt(pairs_of_features(x) * pairs_of_features(y))
    assert cka(x, y, debiased=True, sampled_features=True) == pytest.approx(expected, **CLOSE)


LINEAR: list[Measure[Any]] = [
    GramCosine(),
    CKA(),
    CKA(debiased=True),
    CKA(debiased=True, estimator="lange"),
    CKA(debiased=True, sampled_features=True),
    HSIC(kernel="linear"),
    HSIC(kernel="linear", debiased=True),
    RV(),
    RV(modified=True),
]


@pytest.mark.parametrize("measure", LINEAR, ids=label)
def test_features_give_what_matrices_give(
    measure: Measure[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Score, permutations and bootstrap samples of linear kernels, without a matrix over pairs."""
    x, y = related(n=60)
    found = []
    for most in (10, 1000):
        monkeypatch.setattr(rows, "MOST_SAMPLES", most)
        monkeypatch.setattr(rows, "BLOCK", 7)  # more than one block of columns
        monkeypatch.setattr(products, "BLOCK", 500)  # and of rows
        a, b = (measure.reduce(features(n, v)) for n, v in (("X", x), ("Y", y)))
        assert isinstance(a, FeatureRows) == (most == 10)
        found.append(
            np.concatenate(
                [
                    [measure.score(a, b), measure.null_mean(a, b)],
                    astuple(measure.null_moments(a, b)),
                    measure.permuted(a, b, nulls.orders(60, 3, seed=1)),
                    np.asarray(measure.resampled(a, b, nulls.counts(60, 4, seed=2))),
                ]
            )
        )
    # Debiased sums are differences of sums of squares.
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("measure", LINEAR, ids=label)
def test_few_features_beside_many(measure: Measure[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """One is kept as features, the other as a matrix over pairs."""
    x, _ = related(n=60)
    y = related(n=60, dy=40)[1]
    counts = nulls.counts(60, 4, seed=2)
    found = []
    for most in (10, 1000):
        monkeypatch.setattr(rows, "MOST_SAMPLES", most)
        a, b = (measure.reduce(features(n, v)) for n, v in (("X", x), ("Y", y)))
        assert isinstance(a, FeatureRows) == (most == 10)
        assert not isinstance(b, FeatureRows)
        both = ((a, b), (b, a))
        found.append(
            [
                *(measure.score(*pair) for pair in both),
                *astuple(measure.null_moments(a, b)),
                *np.ravel([measure.resampled(*pair, counts) for pair in both]),
            ]
        )
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-12)  # rounding


@pytest.mark.parametrize("measure", LINEAR, ids=label)
def test_features_of_torch_give_the_same(
    measure: Measure[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(rows, "MOST_SAMPLES", 10)
    x, y = related(n=60)
    counts = nulls.counts(60, 3, seed=2)
    found = []
    for to in (np.asarray, torch.asarray):
        a, b = (measure.reduce(features(n, to(v))) for n, v in (("X", x), ("Y", y)))
        moments = astuple(measure.null_moments(a, b))
        orders = nulls.orders(60, 2, seed=1)
        samples = measure.resampled(a, b, counts)
        found.append([measure.score(a, b), *moments, *measure.permuted(a, b, orders), *samples])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-12)  # order of sums


def test_many_samples_take_no_matrix_over_pairs() -> None:
    """60 000 samples would need 29 GB."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(60_000, 3))
    y = x @ rng.normal(size=(3, 4)) + rng.normal(size=(60_000, 4))
    assert 0.0 < cka(x, y, debiased=True) < 1.0


@pytest.mark.parametrize("most", [10, 1000])
def test_debiased_without_a_norm_is_not_a_number(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sample apart from equal ones: between different samples, centred, nothing is left.

    Of features, what rounding leaves is a difference of sums, not of entries.
    """
    monkeypatch.setattr(rows, "MOST_SAMPLES", most)
    for seed in range(6):
        x = np.zeros((60, 2))
        x[0] = np.random.default_rng(seed).normal(size=2)
        with pytest.warns(DegenerateWarning, match="X has no norm"):
            assert math.isnan(cka(x, related(n=60)[1], debiased=True))


def test_features_that_share_nothing_have_no_corrected_norm() -> None:
    x, y = unrelated(n=40, dx=2, dy=40, seed=3)
    with pytest.warns(DegenerateWarning, match="different features share"):
        assert math.isnan(cka(x, y, debiased=True, sampled_features=True))


def test_bandwidth_of_equal_rows() -> None:
    x = np.zeros((8, 2))
    x[0] = 1.0
    with pytest.raises(MethexisError, match="X: expected a median distance"):
        cka(x, related(n=8)[1], kernel="rbf")


def test_median_is_that_of_scipy() -> None:
    """Of an odd and an even number of pairs."""
    for n in (6, 7, 9):
        x, y = related(n=n, seed=n)
        assert hsic(x, y) == pytest.approx(gretton(rbf(x, 1.0), rbf(y, 1.0)), **CLOSE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kernel": "cosine"}, "kernel"),
        ({"bandwidth": 0.0}, "bandwidth"),
        ({"estimator": "lange"}, "debiased"),
        ({"estimator": "gretton", "debiased": True}, "estimator"),
        ({"sampled_features": True}, "sampled_features"),
        ({"sampled_features": True, "debiased": True, "kernel": "rbf"}, "sampled_features"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], words: str) -> None:
    with pytest.raises(MethexisError, match=words):
        CKA(**options)


def test_one_sampled_feature_stands_for_nothing() -> None:
    x, y = unrelated(dx=1)
    with pytest.raises(MethexisError, match="at least two sampled features"):
        cka(x, y, debiased=True, sampled_features=True)


def test_titles_tell_options_apart() -> None:
    titles = [
        CKA().title,
        CKA(kernel="rbf").title,
        CKA(debiased=True).title,
        CKA(debiased=True, estimator="lange").title,
        CKA(debiased=True, sampled_features=True).title,
    ]
    assert len(set(titles)) == len(titles)


def test_scores_of_large_offsets_keep_their_digits() -> None:
    """Kernels are of centred features: a mean of 1e6 costs 6 digits and no more."""
    x, y = related()
    for options in ({}, {"debiased": True}, {"kernel": "rbf"}):
        assert measured(CKA(**options), x + 1e6, y) == pytest.approx(  # type: ignore[arg-type]
            measured(CKA(**options), x, y),  # type: ignore[arg-type]
            rel=1e-8,
        )
