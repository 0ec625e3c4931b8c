"""Procrustes and Bures against rotations by hand, and the axioms of a metric."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from methexis.core.checks import Array
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import (
    Bures,
    BuresDistance,
    Measure,
    Procrustes,
    ProcrustesDistance,
    SecondMoments,
    SizeAndShape,
    bures,
    bures_distance,
    compare,
    procrustes,
    procrustes_distance,
    procrustes_size,
)
from methexis.measures.inference import nulls
from methexis.measures.inputs.features import features
from tests.measures.cases import related, unrelated


def centred(x: Array) -> Array:
    return x - x.mean(axis=0)


def whitened(x: Array, alpha: float) -> Array:
    """`X (alpha I + (1 - alpha)(XᵀX)^{-1/2})`, with the root as the definition has it."""
    x = centred(x)
    root = np.real(scipy.linalg.sqrtm(np.linalg.inv(x.T @ x)))
    return x @ (alpha * np.eye(x.shape[1]) + (1 - alpha) * root)


def padded(x: Array, width: int) -> Array:
    return np.pad(x, ((0, 0), (0, width - x.shape[1])))


def planted(angle: float, n: int = 50, d: int = 4, wider: int = 0) -> tuple[Array, Array]:
    """A pair at that angle: `Y = X cos + Z sin`, with Z as large as X and orthogonal to it."""
    rng = np.random.default_rng(3)
    q = np.linalg.qr(centred(rng.normal(size=(n, 2 * d))))[0]
    sizes = np.geomspace(1.0, 5.0, d)
    x, z = q[:, :d] * sizes, q[:, d:] * sizes
    rotation = np.linalg.qr(rng.normal(size=(d + wider, d + wider)))[0]
    return x, padded(np.cos(angle) * x + np.sin(angle) * z, d + wider) @ rotation


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.8, 1.0])
def test_score_is_that_of_the_explicitly_rotated(alpha: float) -> None:
    x, y = related()
    a, b = whitened(x, alpha), padded(whitened(y, alpha), x.shape[1])
    rotation, _ = scipy.linalg.orthogonal_procrustes(a, b)
    cosine = np.sum((a @ rotation) * b) / (np.linalg.norm(a) * np.linalg.norm(b))
    # 1e-10: the definition's matrix root of a covariance with condition 1e3.
    assert procrustes(x, y, alpha=alpha) == pytest.approx(cosine, rel=1e-10)
    assert procrustes_distance(x, y, alpha=alpha) == pytest.approx(np.arccos(cosine), rel=1e-10)


def test_no_rotation_of_the_plane_does_better() -> None:
    x, y = (centred(v) for v in unrelated(dx=2, dy=2))
    t = np.linspace(0, 2 * np.pi, 20001)
    turn = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    cross = x.T @ y
    inner = [np.einsum("ij,jit->t", m, turn).max() for m in (cross, cross * [1.0, -1.0])]
    best = max(inner) / (np.linalg.norm(x) * np.linalg.norm(y))
    assert procrustes(x, y) == pytest.approx(best, abs=1e-7)  # steps of 3e-4, second order
    rest = np.sum(x**2) + np.sum(y**2) - 2 * max(inner)
    assert procrustes_size(x, y) == pytest.approx(rest, rel=1e-6)


@pytest.mark.parametrize("angle", [1e-12, 1e-8, 1e-4, 0.02, 0.05, 0.5, 1.5])
@pytest.mark.parametrize("wider", [0, 3])
def test_a_planted_angle_is_found_with_all_its_digits(angle: float, wider: int) -> None:
    for x, y in (planted(angle, wider=wider), planted(angle, wider=wider)[::-1]):
        # Entries of the planted pair are rounded to 1e-16 of the largest.
        assert procrustes_distance(x, y) == pytest.approx(angle, rel=1e-12, abs=3e-15)
        chord = 2 * np.sin(angle / 2) * np.linalg.norm(x)
        assert bures_distance(x, y) == pytest.approx(chord, rel=1e-12, abs=3e-14)
        rounding = 2 * chord * 3e-14 + 1e-27
        assert procrustes_size(x, y) == pytest.approx(chord**2, rel=1e-12, abs=rounding)


@pytest.mark.parametrize(
    "measure", [ProcrustesDistance(), ProcrustesDistance(0.5), SizeAndShape(), BuresDistance()]
)
def test_a_distance_of_a_shape_to_itself_is_no_square_root_of_noise(measure: Measure[Any]) -> None:
    x, _ = related(n=60)
    found = compare(x, x, measure, num_permutations=49, num_bootstrap=20)
    assert 0 <= found.score < 1e-13  # 60 x 6 numbers of size 10, rounded
    assert np.isfinite(found.ci).all()


def test_identities_between_score_angle_size_and_bures() -> None:
    x, y = related()
    one = np.linalg.norm(centred(x)), np.linalg.norm(centred(y))
    score = procrustes(x, y)
    assert np.cos(procrustes_distance(x, y)) == pytest.approx(score, rel=1e-13)
    expected = one[0] ** 2 + one[1] ** 2 - 2 * one[0] * one[1] * score
    assert procrustes_size(x, y) == pytest.approx(expected, rel=1e-12)
    assert bures(x, y) == pytest.approx(score, rel=1e-14)
    assert bures_distance(x, y) ** 2 == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_bures_is_the_trace_of_roots_of_kernels(kernel: str) -> None:
    x, y = related(n=25)
    kernels = []
    for v in (x, y):
        gaps = np.sum((v[:, None] - v[None]) ** 2, axis=-1)
        median = np.median(np.sqrt(gaps[np.triu_indices(25, 1)]))
        raw = v @ v.T if kernel == "linear" else np.exp(-gaps / (2 * (0.7 * median) ** 2))
        middle = np.eye(25) - 1 / 25
        kernels.append(middle @ raw @ middle)
    k, ell = kernels
    values, vectors = np.linalg.eigh(k)
    root = (vectors * np.sqrt(np.abs(values))) @ vectors.T
    found = np.linalg.eigvalsh(root @ ell @ root)
    fidelity = np.sqrt(found[found > 1e-12 * found.max()]).sum()  # below it mostly rounding
    options: dict[str, Any] = {"kernel": kernel, "bandwidth": 0.7}
    expected = fidelity / np.sqrt(np.trace(k) * np.trace(ell))
    # 1e-6: what is left out of the sum of roots, in units of the largest.
    assert bures(x, y, **options) == pytest.approx(expected, abs=1e-6)
    gap = np.sqrt(np.trace(k) + np.trace(ell) - 2 * fidelity)
    assert bures_distance(x, y, **options) == pytest.approx(gap, rel=1e-5)


SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32))


@given(SHAPES, st.sampled_from([0.0, 0.4, 1.0]), st.floats(1e-9, 2.0))
def test_triangle_inequality(shape: tuple[int, ...], alpha: float, spread: float) -> None:
    """For shapes far from and close to each other; 1e-12 is rounding of 12 x 5 numbers."""
    rng = np.random.default_rng(shape[3])
    common = rng.normal(size=(12, 5))
    x, y, z = (common[:, :d] + spread * rng.normal(size=(12, d)) for d in shape[:3])
    for distance in (
        lambda p, q: procrustes_distance(p, q, alpha=alpha),
        bures_distance,
        lambda p, q: bures_distance(p, q, kernel="rbf"),
    ):
        assert distance(x, z) <= distance(x, y) + distance(y, z) + 1e-12
        assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_more_features_than_samples(alpha: float) -> None:
    """An isometric copy in more dimensions than samples is the same shape."""
    x, _ = unrelated(n=10, dx=30)
    wide = np.linalg.qr(np.random.default_rng(1).normal(size=(50, 30)))[0]
    with warnings.catch_warnings():
        # Of spans alone anything is: the warning says so.
        warnings.simplefilter("error" if alpha else "ignore", DegenerateWarning)
        assert procrustes(x, x @ wide.T, alpha=alpha) == pytest.approx(1.0, abs=1e-13)
        assert procrustes_distance(x, x @ wide.T, alpha=alpha) < 1e-13


def test_spans_of_too_few_samples_warn() -> None:
    x, y = unrelated(n=10, dx=12, dy=12)
    with pytest.warns(DegenerateWarning, match=r"every canonical correlation is 1 .*svcca"):
        assert procrustes(x, y, alpha=0.0) == pytest.approx(1.0, abs=1e-13)


def test_a_direction_that_is_only_rounding_of_a_large_mean_is_none() -> None:
    x, _ = unrelated(n=30, dx=3)
    doubled = np.column_stack([x, x[:, 0]]) + 1e7
    found = Procrustes(0.0).reduce(features("X", doubled))
    assert found.rank == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: Procrustes(alpha=1.5),
        lambda: ProcrustesDistance(alpha=-0.1),
        lambda: Bures(kernel="cosine"),
        lambda: Bures(bandwidth=0.0),
    ],
)
def test_options_out_of_range_are_refused(make: Any) -> None:
    with pytest.raises(MethexisError, match=r"expected .*, got"):
        make()


def test_a_kernel_of_equal_samples_has_no_bandwidth() -> None:
    x = np.zeros((10, 2))
    x[0] = 1.0
    with pytest.raises(MethexisError, match="median distance between samples above zero"):
        bures(x, x, kernel="rbf")


def test_orders_in_batches_are_orders_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = related()
    orders = nulls.orders(40, 7, seed=1)
    for measure in (Procrustes(), ProcrustesDistance(), BuresDistance()):
        a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
        whole = measure.permuted(a, b, orders)
        monkeypatch.setattr("methexis.measures.subspaces.bases.BATCH_NUMBERS", 500)
        assert measure.permuted(a, b, orders) == pytest.approx(whole, rel=1e-13)
        assert len(measure.permuted(a, b, orders[:0])) == 0
        monkeypatch.undo()


def test_nearly_equal_shapes_from_moments_say_that_they_cannot_be_told_apart() -> None:
    """Moments allow differences of sums only: NaN with a warning, or a tiny number."""
    x, _ = related()
    same, other = features("X", x), features("Y", x.copy())
    from_moments = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        for scale in np.linspace(1.0, 2.0, 20):
            moments = SecondMoments.of(same.replaced(scale * x), other.replaced(scale * x))
            from_moments.append(ProcrustesDistance().from_moments(moments))
    silent = np.count_nonzero(np.isnan(from_moments))
    assert silent == len(caught)
    assert np.nanmax([0.0, *from_moments]) < 1e-7  # √(a few 1e-16)


def sparse() -> tuple[Array, Array]:
    """One row of 60 is not zero; a bootstrap sample without it has no shape."""
    x = np.zeros((60, 3))
    x[0] = [1.0, -2.0, 0.5]
    return x, x[:, ::-1].copy()


def line(n: int) -> tuple[Array, Array]:
    x = np.random.default_rng(0).normal(size=(n, 1))
    return x, -2.0 * x


def labels(n: int) -> tuple[Array, Array]:
    x = np.where(np.arange(n) % 2, 1.0, -1.0)[:, None]
    return x, -x


@pytest.mark.parametrize(
    "pair",
    [unrelated(n=4), line(5), *(labels(n) for n in (5, 6, 7, 8)), sparse()],
    ids=["normal", "line", "labels 5", "labels 6", "labels 7", "labels 8", "sparse"],
)
@pytest.mark.parametrize(
    "measure",
    [Procrustes(), Procrustes(0.5), Procrustes(0.0), ProcrustesDistance(), Bures()],
    ids=lambda m: m.title,
)
def test_equal_rows_have_no_shape(measure: Measure[Any], pair: tuple[Array, Array]) -> None:
    """NaN where only equal rows are drawn, and a number everywhere else."""
    a, b = (measure.reduce(features("X", v)) for v in pair)
    counts = nulls.counts(len(pair[0]), 999, seed=0)
    point = np.array([len(np.unique(pair[0][w > 0], axis=0)) == 1 for w in counts])
    counts[0], point[0] = 0, True
    counts[0, 1] = len(pair[0])  # one row again and again
    found = measure.resampled(a, b, counts)
    assert found is not None
    assert np.isnan(found).tolist() == point.tolist()


def test_size_and_shape_of_a_point_is_the_size_of_the_other() -> None:
    """A point is at a distance: ``‖Y‖²`` of what was drawn."""
    x, y = sparse()
    y = y + unrelated(n=60, dy=3)[1]
    counts = np.ones((1, 60), dtype=np.int64)
    counts[0, :2] = 0, 2
    measure = SizeAndShape()
    a, b = (measure.reduce(features("X", v)) for v in (x, y))
    rows = np.repeat(np.arange(60), counts[0])
    found = measure.resampled(a, b, counts)
    assert found == pytest.approx(np.sum(centred(y[rows]) ** 2), rel=1e-12)
