"""What rests on bases: bootstrap samples against repeated rows, tensors of PyTorch, precision."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from methexis.core.checks import Array
from methexis.core.parallel.threads import one_blas_thread
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import (
    CCA,
    GULP,
    SVCCA,
    Bures,
    BuresDistance,
    Comparison,
    Procrustes,
    ProcrustesDistance,
    SecondMoments,
    SizeAndShape,
    compare,
)
from methexis.measures.inference import nulls
from methexis.measures.inference.intervals import Resamples, interval
from methexis.measures.inputs.features import features, pair
from methexis.measures.rounding import ROUGH
from methexis.measures.subspaces.bases import Basis, basis, decomposed
from methexis.measures.subspaces.contract import SubspaceMeasure
from methexis.measures.subspaces.leading import Leading
from tests.measures.cases import label, measured, related, unrelated

FIRST_TIER: list[SubspaceMeasure] = [
    Procrustes(),
    Procrustes(0.5),
    Procrustes(0.0),
    ProcrustesDistance(),
    ProcrustesDistance(0.5),
    SizeAndShape(),
    Bures(),
    BuresDistance(),
    CCA(),
    CCA(squared=True),
    SVCCA(variance=0.9),
    SVCCA(num_directions=3, squared=True),
]

every = pytest.mark.parametrize("measure", FIRST_TIER, ids=label)


@every
@pytest.mark.parametrize("shape", [(50, 6, 5), (50, 3, 9)])
def test_a_bootstrap_sample_is_its_repeated_rows(
    measure: SubspaceMeasure, shape: tuple[int, int, int]
) -> None:
    """Weights are a short way of writing rows as often as they were drawn."""
    x, y = related(*shape)
    a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
    counts = nulls.counts(50, 20, seed=2)
    found = measure.resampled(a, b, counts)
    assert found is not None
    for count, value in zip(counts, found, strict=True):
        rows = np.repeat(np.arange(50), count)
        again = [measure.reduce(features("X", v[rows])) for v in (x, y)]
        assert value == pytest.approx(measure.score(*again), rel=1e-10)


@every
def test_bootstrap_samples_with_fewer_samples_than_directions(measure: SubspaceMeasure) -> None:
    """Nothing is divided by a size that a sample does not have; repeated rows agree."""
    x, y = related(14, 10, 30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # fewer samples than directions
        a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
        counts = nulls.counts(14, 20, seed=2)
        found = measure.resampled(a, b, counts)
        assert found is not None
        for count, value in zip(counts, found, strict=True):
            rows = np.repeat(np.arange(14), count)
            again = [measure.reduce(features("X", v[rows])) for v in (x, y)]
            assert value == pytest.approx(measure.score(*again), rel=1e-9)


@pytest.mark.parametrize("measure", [*FIRST_TIER, GULP()], ids=label)
def test_tensors_give_the_same_throughout(measure: SubspaceMeasure) -> None:
    torch = pytest.importorskip("torch")
    x, y = related()
    orders, counts = nulls.orders(40, 5, seed=1), nulls.counts(40, 5, seed=1)
    results = []
    for first, second in ((x, y), (torch.asarray(x), torch.asarray(y))):
        checked = pair(first, second)
        a, b = (measure.reduce(part) for part in checked)
        resampled = measure.resampled(a, b, counts)
        moments = measure.from_moments(SecondMoments.of(*checked))
        results.append(
            [*measure.permuted(a, b, orders), *(() if resampled is None else resampled), moments]
        )
    assert results[1] == pytest.approx(results[0], rel=1e-9)


@pytest.mark.parametrize("measure", [*FIRST_TIER, GULP()], ids=label)
def test_single_precision_is_good_to_single_precision(measure: SubspaceMeasure) -> None:
    x, y = related()
    double, single = (
        compare(x, y, measure, precision=p, num_permutations=19, num_bootstrap=19)
        for p in ("float64", "float32")
    )
    # 6e-8 times the condition of the features, 30, times a few.
    assert single.score == pytest.approx(double.score, rel=1e-5)
    assert single.null_mean == pytest.approx(double.null_mean, rel=1e-4)
    assert single.ci == pytest.approx(double.ci, rel=1e-3, nan_ok=True)  # GULP has none


@every
def test_more_features_than_samples_compare(measure: SubspaceMeasure) -> None:
    x, y = unrelated(12, 30, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        found = compare(x, y, measure, num_permutations=49, num_bootstrap=49)
    assert isinstance(found, Comparison)
    assert np.isfinite([found.score, found.null_mean, *found.ci]).all()


@pytest.mark.parametrize(
    ("measure", "least"), [(Procrustes(), 0.91), (CCA(squared=True), 0.91), (SVCCA(0.9), 0.91)]
)
def test_the_interval_covers_the_expected_score(measure: SubspaceMeasure, least: float) -> None:
    """95 % nominal; 200 runs have a standard error of 1.5 %, so 91 % is 2.6 of them below."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(3, d)) for d in (6, 5)]
    scores, intervals = [], []
    for seed in range(200):
        rng = np.random.default_rng([1, seed])
        shared = rng.normal(size=(150, 3)) * [2.0, 1.5, 1.0]
        x, y = (shared @ w + rng.normal(size=(150, w.shape[1])) for w in weights)
        a, b = (measure.reduce(features("X", v)) for v in (x, y))
        scores.append(measure.score(a, b))
        resampled = measure.resampled(a, b, nulls.counts(150, 200, seed))
        intervals.append(interval(scores[-1], Resamples(resampled), 0.95))
    low, high = np.array(intervals).T
    expected = np.mean(scores)
    assert least <= np.mean((low <= expected) & (expected <= high)) <= 0.99


def test_features_of_rounding_only_are_refused() -> None:
    x = np.full((10, 2), 1e8)
    x[3, 0] += 1e-8  # one unit in the last place
    with pytest.raises(MethexisError, match="differ between samples beyond rounding"):
        basis(features("X", x))


@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(5, 30), st.integers(1, 40), st.integers(1, 4)),
    st.sampled_from([-100, -10, 0, 10, 100]),
    st.sampled_from(["float32", "float64"]),
)
def test_any_shape_rank_scale_and_type(
    seed: int, shape: tuple[int, int, int], exponent: int, dtype: str
) -> None:
    """Scores do not see in how many numbers of what size a representation is written."""
    n, d, rank = shape
    rng = np.random.default_rng(seed)
    factor, y = rng.normal(size=(n, rank)), rng.normal(size=(n, 3))
    rank = min(rank, d)
    isometry = np.linalg.qr(rng.normal(size=(d, rank)))[0].T
    x = factor[:, :rank] @ isometry
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # few samples
        for measure in (Procrustes(), ProcrustesDistance(), GULP(), SVCCA(), CCA()):
            sees_all = isinstance(measure, CCA | SVCCA)
            if dtype == "float32" and (sees_all or abs(exponent) > 10):
                continue  # rounding to 24 bits gives x full rank; float32 ends at 1e38
            written = (x * 10.0**exponent).astype(dtype)
            short = measured(measure, factor[:, :rank], y)
            # 24 bits, or 53 with what a condition of 30 of few random numbers costs.
            close = 1e-4 if dtype == "float32" else 1e-9
            assert measured(measure, written, y) == pytest.approx(short, rel=close, abs=close)


@pytest.mark.parametrize("smallest", [1.0, 1e-4, 1e-9])
def test_a_decomposition_by_way_of_a_triangle_is_one(smallest: float) -> None:
    """Of many samples: against the plain one, also where directions differ in size by much.

    Of directions nine orders apart columns by way of the triangle would not be orthonormal, so
    they are not taken.
    """
    rng = np.random.default_rng(5)
    turn = np.linalg.qr(rng.normal(size=(256, 256)))[0]
    x = (rng.normal(size=(520, 256)) * np.geomspace(1.0, smallest, 256)) @ turn
    columns, sizes, directions = decomposed(np, x)
    wanted = np.linalg.svd(x, compute_uv=False)
    assert np.abs(sizes - wanted).max() < 1e-13 * wanted[0]
    assert np.abs((columns * sizes) @ directions - x).max() < 1e-13 * wanted[0]
    assert np.abs(columns.T @ columns - np.eye(256)).max() < 2.0**-35


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("rough", [True, False])
def test_large_directions_of_bootstrap_samples_come_from_second_moments(
    rough: bool, squared: bool
) -> None:
    """Of a spectrum of five orders: what is left out is not known, what is kept is."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(2, 90, 12)) * np.geomspace(1.0, 1e-5, 12)
    measure = SVCCA(squared=squared)
    a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", x + 0.3 * y))
    counts = nulls.counts(90, 15, seed=3)
    wanted = measure.resampled(a, b, counts)
    assert wanted is not None
    leading = Leading(a, b, measure.kept, rough=rough)
    overlaps = [leading.overlap(count) for count in counts]
    found = np.array([float(measure.values(one)) for one in overlaps])
    np.testing.assert_allclose(found, wanted, rtol=0.1 * ROUGH if rough else 1e-10)
    assert np.ptp(found) > 1e-3
    assert all(one.matrix.shape == (*one.sizes_x.shape, *one.sizes_y.shape) for one in overlaps)
    assert max(max(one.matrix.shape) for one in overlaps) < 12


def test_rough_bootstrap_samples_are_taken_where_scores_differ_and_not_of_equal_ones() -> None:
    """Of as many directions as take that way, with a tail that is left out."""
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(2, 400, 140)) * np.geomspace(1.0, 0.03, 140)
    measure, counts = SVCCA(), nulls.counts(400, 6, seed=1)

    @one_blas_thread  # with two, products in single precision have other bits
    def scores(a: Basis, b: Basis, *, rough: bool) -> Array:
        leading = Leading(a, b, measure.kept, rough=rough)
        return np.array([float(measure.values(leading.overlap(count))) for count in counts])

    a, b = (measure.reduce(features("X", one)) for one in (x, x + 0.5 * y))
    for both, rough in (((a, b), True), ((a, a), False)):
        found = measure.resampled(*both, counts)
        exact, other = (scores(*both, rough=way) for way in (rough, not rough))
        np.testing.assert_array_equal(found, exact)
        assert np.any(other != exact)
        np.testing.assert_allclose(other, exact, rtol=0.1 * ROUGH)
