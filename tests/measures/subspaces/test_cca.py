"""CCA and SVCCA against planted correlations, SciPy, scikit-learn, and all orders of samples."""

from __future__ import annotations

import itertools
import sys
import warnings

import numpy as np
import pytest
import scipy.linalg
from sklearn.cross_decomposition import CCA as PeerCCA

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import CCA, SVCCA, cca, compare, svcca
from methexis.measures.inference import nulls
from methexis.measures.inputs.features import features
from tests.measures.cases import related, unrelated

RHO = np.array([0.9, 0.5, 0.2])


def planted(n: int = 60, extra: int = 2) -> tuple[Array, Array]:
    """A pair whose canonical correlations are RHO and, of `extra` more features of Y, none."""
    rng = np.random.default_rng(4)
    k = len(RHO)
    q = rng.normal(size=(n, 2 * k + extra))
    q = np.linalg.qr(q - q.mean(axis=0))[0]
    u, v, rest = q[:, :k], q[:, k : 2 * k], q[:, 2 * k :]
    y = np.column_stack([u * RHO + v * np.sqrt(1 - RHO**2), rest])
    return u @ rng.normal(size=(k, k)) + 3.0, y @ rng.normal(size=(k + extra, k + extra)) - 1.0


def test_planted_correlations() -> None:
    x, y = planted()
    # 1e-12: mixing matrices have conditions of up to 100.
    assert cca(x, y) == pytest.approx(RHO.mean(), abs=1e-12)
    assert cca(y, x, squared=True) == pytest.approx(np.mean(RHO**2), abs=1e-12)


def test_cosines_of_principal_angles() -> None:
    x, y = related()
    angles = scipy.linalg.subspace_angles(x - x.mean(axis=0), y - y.mean(axis=0))
    assert cca(x, y) == pytest.approx(np.cos(angles).mean(), rel=1e-12)


def test_scikit_learn_finds_the_same() -> None:
    x, y = related(n=200)
    peer = PeerCCA(n_components=5, max_iter=10_000, tol=1e-14).fit(x, y)
    one, other = peer.transform(x, y)
    found = [np.corrcoef(one[:, i], other[:, i])[0, 1] for i in range(5)]
    assert cca(x, y) == pytest.approx(np.mean(found), abs=1e-5)  # it iterates, and deflates


def test_repeated_features_change_no_span() -> None:
    x, y = related()
    again = np.column_stack([x, x @ np.ones((6, 3)), x[:, 0] - 2 * x[:, 1]])
    assert cca(again, y) == pytest.approx(cca(x, y), rel=1e-11)
    assert cca(again + 1e6, y) == pytest.approx(cca(x, y), rel=1e-7)  # the mean takes 6 digits


@pytest.mark.parametrize("squared", [False, True])
def test_as_many_directions_as_samples_warn_that_the_score_is_one(squared: bool) -> None:
    x, y = unrelated(n=10, dx=9, dy=3)
    with pytest.warns(DegenerateWarning, match=r"every canonical correlation is 1 .*svcca"):
        assert cca(x, y, squared=squared) == pytest.approx(1.0, abs=1e-13)


def test_too_many_directions_together_warn_how_many_are_one() -> None:
    x, y = unrelated(n=10, dx=6, dy=5)
    with pytest.warns(DegenerateWarning, match="so that 2 canonical correlations are 1"):
        score = cca(x, y)
    assert score > 2 / 5


def test_directions_that_are_rounding_of_single_precision_warn() -> None:
    """Three signals in eight features: rounding fills the other five, and CCA counts them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 8))
    y = rng.normal(size=(200, 2))
    with pytest.warns(DegenerateWarning, match="rounding of X as it came, got 5 of 8"):
        cca(x.astype(np.float32), y)
    assert CCA().reduce(features("X", x)).rank == 3
    svcca(x.astype(np.float32), y)  # leaves them out: no warning, which would be an error here


def test_the_warning_is_in_the_comparison() -> None:
    x, y = related(n=12)
    with pytest.warns(DegenerateWarning):
        found = compare(x, y, "cca", num_permutations=19, num_bootstrap=20)
    assert any("bootstrap samples" in note for note in found.notes)


def test_singular_values_are_not_cut_at_one() -> None:
    """Of many equal spans some score is above 1 by rounding, and is given as it came out."""
    scores = [cca(x, 2.0 * x) for x in (related(seed=i)[0] for i in range(50))]
    assert max(scores) > 1.0
    assert np.max(np.abs(np.array(scores) - 1.0)) < 1e-14


@pytest.mark.parametrize("measure", [CCA(squared=True), SVCCA(variance=0.9, squared=True)])
def test_moments_of_squares_are_those_of_all_orders(measure: CCA | SVCCA) -> None:
    x, y = related(n=7, dx=3, dy=2)
    a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
    scores = measure.permuted(a, b, np.array(list(itertools.permutations(range(7)))))
    moments = measure.null_moments(a, b)
    assert moments is not None
    gaps = scores - scores.mean()
    assert moments.mean == pytest.approx(scores.mean(), rel=1e-12)
    assert moments.sd == pytest.approx(scores.std(), rel=1e-10)
    # 1e-8: a third moment that is small next to its terms.
    assert moments.skewness == pytest.approx(np.mean(gaps**3) / scores.std() ** 3, abs=1e-8)


def test_mean_of_squares_under_independence() -> None:
    x, y = related(n=30, dx=6, dy=5)
    measure = CCA(squared=True)
    moments = measure.null_moments(*(measure.reduce(features("X", v)) for v in (x, y)))
    assert moments is not None
    assert moments.mean == pytest.approx(6 / 29, rel=1e-12)  # max(r_x, r_y) / (n - 1)


def test_only_squares_of_few_samples_have_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = (CCA().reduce(features("X", v)) for v in related())
    assert CCA().null_moments(a, b) is None
    # By the name of the module: in the package the function of that name stands before it.
    monkeypatch.setattr(sys.modules["methexis.measures.subspaces.cca"], "MOMENTS_SAMPLES", 39)
    assert CCA(squared=True).null_moments(a, b) is None
    found = compare(*related(), "cca", squared=True, num_permutations=49)
    assert (found.null, found.null_mean) == ("permutation", 6 / 39)


def test_svcca_keeps_the_fewest_directions_with_the_variance() -> None:
    rng = np.random.default_rng(0)
    q = rng.normal(size=(80, 8))
    q = np.linalg.qr(q - q.mean(axis=0))[0]
    x = q[:, :4] * np.sqrt([0.6, 0.3, 0.09, 0.01])
    for variance, kept in ((0.5, 1), (0.89, 2), (0.95, 3), (0.995, 4), (1.0, 4)):
        measure = SVCCA(variance=variance)
        sizes = measure.reduce(features("X", x)).sizes
        assert np.count_nonzero(measure.kept(sizes, np)) == kept
        inside, outside = q[:, :kept], np.column_stack([q[:, kept:4], q[:, 4:]])
        assert svcca(x, inside, variance=variance) == pytest.approx(1.0, abs=1e-12)
        assert svcca(x, outside, variance=variance) == pytest.approx(0.0, abs=1e-12)


def test_all_variance_is_cca() -> None:
    x, y = related()
    assert svcca(x, y, variance=1.0) == pytest.approx(cca(x, y), rel=1e-12)


def test_ten_standardised_directions_are_what_platonic_rep_takes() -> None:
    """Its definition, with exact decompositions: standardise, ten left singular vectors, CCA."""
    x, y = related(n=300, dx=20, dy=15)
    bases = []
    for v in (x, y):
        standard = (v - v.mean(axis=0)) / v.std(axis=0, ddof=1)
        bases.append(np.linalg.svd(standard, full_matrices=False)[0][:, :10])
    one, other = PeerCCA(n_components=10, max_iter=10_000, tol=1e-12).fit_transform(*bases)
    found = np.mean([np.corrcoef(one[:, i], other[:, i])[0, 1] for i in range(10)])
    # 1e-3: the peer's later components are those of what deflation left.
    assert svcca(x, y, num_directions=10, standardise=True) == pytest.approx(found, abs=1e-3)


def test_constant_features_cannot_be_standardised() -> None:
    x, y = related()
    x[:, 2] = 0.1
    with pytest.raises(
        MethexisError, match=r"X: expected features that vary, .*got 1 constant of 6"
    ):
        svcca(x, y, standardise=True)


def test_options_out_of_range() -> None:
    with pytest.raises(MethexisError, match="variance"):
        SVCCA(variance=1.5)
    with pytest.raises(MethexisError, match="num_directions"):
        SVCCA(num_directions=0)


def test_bootstrap_of_svcca_chooses_directions_anew() -> None:
    """Against rows that are there as often as they were drawn, decomposed from scratch."""
    x, y = related(n=50)
    for measure in (SVCCA(variance=0.9), SVCCA(num_directions=2), CCA(), CCA(squared=True)):
        a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
        counts = nulls.counts(50, 20, seed=2)
        found = measure.resampled(a, b, counts)
        rows = [np.repeat(np.arange(50), c) for c in counts]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            direct = [
                measure.score(*(measure.reduce(features("X", v[r])) for v in (x, y))) for r in rows
            ]
        assert found == pytest.approx(np.array(direct), rel=1e-11)
