"""Every way to an estimator of HSIC gives the one number that its definition says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from methexis.core.checks import Array
from methexis.measures.kernels import grids
from methexis.measures.kernels.bootstrap import Pair, Side
from methexis.measures.kernels.estimators import (
    ESTIMATORS,
    Sums,
    centred,
    centred_totals,
    divisor,
    estimate,
    size,
)
from methexis.measures.kernels.rows import FeatureRows
from methexis.measures.pairs.bilinear import PairForm, PairMatrix
from methexis.measures.streaming import one_pass
from tests.measures.cases import related
from tests.measures.kernels.brute import CLOSE, gretton, lange, song_by_quadruples

DEFINITIONS: dict[str, Callable[[Array, Array], float]] = {
    "biased": gretton,
    "lange": lange,
    "song": song_by_quadruples,
    "plain": lambda k, l: float(np.sum(k * l)),  # noqa: E741
}


def rows_of(x: Array, estimator: str) -> Array:
    return x if estimator == "plain" else x - x.mean(axis=0)


def by_matrices(x: Array, y: Array, estimator: str) -> float:
    """Of features as they are: centring is the estimator's."""
    a, b = (centred(np, v @ v.T, estimator) for v in (x, y))
    return float(np.sum(a * b))


def features_of(x: Array, estimator: str) -> FeatureRows:
    return FeatureRows(rows_of(x, estimator), estimator, 1.0, np)


def by_features(x: Array, y: Array, estimator: str) -> float:
    return features_of(x, estimator).inner(features_of(y, estimator))


def by_matrices_of_features(x: Array, y: Array, estimator: str) -> float:
    """As a narrow representation is compared with a wide one."""
    return features_of(x, estimator).matrix.inner(features_of(y, estimator).matrix)


def by_grid(x: Array, y: Array, estimator: str) -> float:
    """Both of its ways: blocks of kernels, and cross-products."""
    found = []
    for operations in ((0, 1), (1, 0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grids, "operations", lambda *_, chosen=operations: chosen)
            products = grids.linear_products(
                [x],
                [y],
                centre=estimator != "plain",
                precision="float64",
                budget=2**30,
                progress=lambda *_: None,
            )
        found.append(float(products.estimates(estimator)[0][0, 0]))
    assert found[0] == pytest.approx(found[1], rel=1e-10, abs=1e-13 * np.sum(x * x) ** 2)
    return found[0]


def by_one_pass(x: Array, y: Array, estimator: str) -> float:
    """Of rows, with other means, of which no centred estimator knows."""
    return one_pass(x + 2.0, y - 1.0).estimates(estimator)[0]


def weighted(one: PairForm, other: PairForm, n: int, estimator: str) -> float:
    """As a bootstrap sample in which each sample is drawn once."""
    powers = dict.fromkeys((1, 2, 3), np.ones((2, n)))
    pair = Pair(np, powers, Side(one, powers), Side(other, powers))
    found = np.asarray(pair.estimate(estimator))
    assert found[0] == found[1]
    return float(found[0])


def by_weighted_matrices(x: Array, y: Array, estimator: str) -> float:
    one, other = (PairMatrix(v @ v.T, v @ v.T, np) for v in (x, y))
    return weighted(one, other, len(x), estimator)


def by_weighted_features(x: Array, y: Array, estimator: str) -> float:
    return weighted(features_of(x, estimator), features_of(y, estimator), len(x), estimator)


def by_hollow_sums(x: Array, y: Array, estimator: str) -> float:
    """As sparse kernels of neighbours have it."""
    assert estimator == "song"
    return float(estimate(hollow_sums(*(v @ v.T for v in (x, y))), estimator))


def hollow_sums(k: Array, l: Array) -> Sums:  # noqa: E741
    k, l = (m - np.diag(np.diagonal(m)) for m in (k, l))  # noqa: E741
    through = float(k.sum(axis=0) @ l.sum(axis=1))
    return Sums.of_hollow(len(k), float(np.trace(k @ l)), through, float(k.sum() * l.sum()))


PATHS = [
    by_matrices,
    by_features,
    by_matrices_of_features,
    by_grid,
    by_one_pass,
    by_weighted_matrices,
    by_weighted_features,
    by_hollow_sums,
]
ONLY = {by_hollow_sums: {"song"}, by_one_pass: {"biased", "song", "lange"}}


@pytest.mark.parametrize("n", [4, 5, 7])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("same", [False, True])
def test_all_paths_give_the_number_of_the_definition(n: int, estimator: str, same: bool) -> None:
    x, y = related(n=n, dx=3, dy=2, seed=n)
    x = x + 1.5  # estimators that centre must
    y = x if same else y
    wanted = DEFINITIONS[estimator](x @ x.T, y @ y.T)
    wanted *= 1.0 if estimator == "plain" else divisor(n, estimator)
    paths = [path for path in PATHS if estimator in ONLY.get(path, ESTIMATORS)]
    found = {path.__name__: path(x, y, estimator) for path in paths}
    # Song's estimator of four samples is a small difference of the sums that it is made of.
    scale = float(np.sum((x @ x.T) * (y @ y.T)))
    assert found == {name: pytest.approx(wanted, rel=1e-10, abs=1e-13 * scale) for name in found}


@pytest.mark.parametrize("estimator", ["biased", "song"])
def test_rows_of_centred_matrices_sum_to_zero(estimator: str) -> None:
    """Which equation (1) rests on; Lange's, without its diagonal, do not."""
    x, _ = related(n=9)
    for name, zero in ((estimator, True), ("lange", False)):
        rows = np.sum(centred(np, x @ x.T, name), axis=1)
        assert np.allclose(rows, 0.0, atol=1e-12 * np.sum(x * x)) is zero


@pytest.mark.parametrize("estimator", ["biased", "song", "lange"])
def test_constants_added_to_a_kernel_cancel(estimator: str) -> None:
    """Of the whole kernel, and of a row with its column; not of the diagonal, but for Song's."""
    x, _ = related(n=8)
    k, shift = x @ x.T, np.arange(8.0)
    a = centred(np, k, estimator)
    moved = k + 5.0 + shift[:, None] + shift[None, :]
    np.testing.assert_allclose(centred(np, moved, estimator), a, atol=1e-11)
    raised = centred(np, k + np.diag(shift), estimator)
    assert np.allclose(raised, a) is (estimator == "song")


@pytest.mark.parametrize("estimator", ["biased", "lange", "song"])
def test_totals_of_centred_features(estimator: str) -> None:
    x = rows_of(related(n=8)[0], estimator)
    matrix = centred(np, x @ x.T, estimator)
    found = centred_totals(estimator, float(np.sum(x * x)))
    trace = float(np.trace(matrix))
    assert found == pytest.approx((trace, float(np.sum(matrix)) - trace), abs=1e-11)


@pytest.mark.parametrize("estimator", ["biased", "lange"])
def test_kernels_without_a_diagonal(estimator: str) -> None:
    k, l = (v @ v.T for v in related(n=7, seed=4))  # noqa: E741
    k, l = (m - np.diag(np.diagonal(m)) for m in (k, l))  # noqa: E741
    wanted = DEFINITIONS[estimator](k, l) * divisor(7, estimator)
    assert estimate(hollow_sums(k, l), estimator) == pytest.approx(wanted, **CLOSE)


@pytest.mark.parametrize("estimator", ["biased", "song", "lange"])
def test_size_is_that_of_the_terms(estimator: str) -> None:
    """Never below the estimate; far above it where one long row makes nearly all of the sums."""
    x, _ = related(n=12)
    ratios = []
    for factor in (1.0, 1e4):
        rows = rows_of(np.concatenate([factor * x[:1], x[1:]]), "song")
        kernel = rows @ rows.T
        k = np.diagonal(kernel)
        squares = float(np.sum(k * k))
        off = float(np.sum(kernel**2)) - squares
        sums = Sums.of_centred(12, off + squares, off, squares, float(np.sum(k)) ** 2)
        ratios.append(size(sums, estimator) / estimate(sums, estimator))
    assert min(ratios) >= 1.0
    # Of a biased estimate nothing cancels. Two terms of Song's do, one of Lange's.
    assert ratios[0] < 20.0
    assert (ratios[1] > 1.01 * ratios[0]) is (estimator != "biased")
