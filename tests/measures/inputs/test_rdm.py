"""RDMs are checked where they come in, and stand where features may."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from methexis.errors import MethexisError
from methexis.measures import MEASURES, RDM, Preprocessing, compare, rdm, rsa, rsa_kendall
from methexis.measures.inputs.representations import both
from tests.measures.cases import related

X, Y = related()
DISTANCES = squareform(pdist(X))


def test_square_and_condensed_are_one() -> None:
    square, condensed = RDM(DISTANCES), RDM(pdist(X))
    assert np.array_equal(square.matrix, condensed.matrix)
    assert np.array_equal(square.condensed, pdist(X))
    assert square.num_samples == len(X)


def test_integers_become_double_precision() -> None:
    assert RDM([1, 2, 3, 4, 5, 6]).matrix.dtype == np.float64


def changed(i: int, j: int, value: float) -> np.ndarray:
    matrix = DISTANCES.copy()
    matrix[i, j] = value
    return matrix


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        (changed(1, 2, 9.0), {}, "symmetric matrix"),
        (changed(3, 3, 0.5), {}, "zeros on the diagonal, got 0.5 for sample 3"),
        (changed(1, 2, np.nan), {}, "finite dissimilarities, got nan between samples 1 and 2"),
        (changed(1, 2, np.inf), {}, "got inf between samples 1 and 2 "),
        (DISTANCES[:5], {}, r"a square matrix, got shape \(5, 40\)"),
        (np.ones(7), {}, r"n \(n - 1\) / 2 condensed dissimilarities for some n, got 7"),
        ([1.0, 2.0, 3.0], {}, "at least 4 samples, got 3"),
        (np.ones((2, 4, 4)), {}, "a square or a condensed matrix"),
        (["a", "b"], {}, "real numbers, got dtype <U1"),
        ([[1.0], [1.0, 2.0]], {}, "got list that cannot become one"),
        (DISTANCES * 1j, {}, "real numbers, got dtype complex128"),
        (DISTANCES, {"labels": ["a", "b"]}, "40 labels, one per sample, got 2"),
        (DISTANCES, {"labels": "a"}, "a sequence of 40 labels, got one string"),
        (DISTANCES, {"labels": ["a"] * 40}, "labels that differ, got 'a' twice"),
        (DISTANCES, {"tolerance": -1.0}, "tolerance"),
    ],
)
def test_bad_input_is_one_sentence(value: Any, options: Any, message: str) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        RDM(value, **options)
    assert "\n" not in str(caught.value)


def test_symmetric_to_rounding_is_made_so() -> None:
    matrix = DISTANCES * (1.0 + 1e-15 * np.random.default_rng(0).normal(size=DISTANCES.shape))
    found = RDM(matrix).matrix
    assert np.array_equal(found, found.T)
    assert np.abs(found - DISTANCES).max() < 1e-13  # 1e-15 of entries below 20


def test_reordered_takes_labels_along() -> None:
    order = np.random.default_rng(0).permutation(len(X))
    found = RDM(DISTANCES, labels=[f"s{i}" for i in range(len(X))]).reordered(order)
    assert np.array_equal(found.matrix, DISTANCES[np.ix_(order, order)])
    assert found.labels == tuple(f"s{i}" for i in order)


def test_other_labels_are_refused() -> None:
    one = RDM(DISTANCES, labels=[f"s{i}" for i in range(40)])
    other = RDM(DISTANCES, labels=[f"s{i}" for i in reversed(range(40))])
    with pytest.raises(MethexisError, match="same labels in the same order, got 's0' and 's39'"):
        both(one, other)
    both(one, RDM(DISTANCES))  # one without labels is taken at its word


@pytest.mark.parametrize("measure", ["rsa", "rsa_whitened", "rsa_kendall"])
def test_an_rdm_stands_for_its_features(measure: str) -> None:
    """Both, either and neither: one score, one null, one interval."""
    options = {"dissimilarity": "euclidean", "num_permutations": 20, "num_bootstrap": 20}
    settings: dict[str, Any] = {"measure": measure, **options}
    want = compare(X, Y, **settings)
    for pair in ((rdm(X), Y), (X, rdm(Y)), (rdm(X), rdm(Y))):
        found = compare(*pair, **settings)
        assert found.score == want.score
        assert found.p == want.p
        assert np.array_equal(found.ci, want.ci, equal_nan=True)
        assert found.d == tuple(None if isinstance(v, RDM) else v.shape[1] for v in pair)
        assert "RDM (euclidean)" in found.preprocessing["given"]
        assert "(an RDM)" in str(found)
        assert found.as_dict()["n"] == 40


def test_measures_of_features_refuse_an_rdm() -> None:
    for name in MEASURES:
        if not name.startswith("rsa"):
            with pytest.raises(MethexisError, match=f"{name}: expected features for X, which"):
                compare(RDM(DISTANCES), Y, name)


def test_an_rdm_has_no_features_to_preprocess() -> None:
    steps = Preprocessing(normalise=True)
    with pytest.raises(MethexisError, match="expected none for two RDMs"):
        compare(rdm(X), rdm(Y), "rsa", preprocessing=steps)
    found = compare(rdm(X), Y, "rsa", preprocessing=steps, num_permutations=9, num_bootstrap=0)
    unit = Y / np.linalg.norm(Y, axis=1, keepdims=True)
    assert found.score == pytest.approx(rsa(X, unit), abs=1e-12)  # rounding


def test_other_numbers_of_samples_are_refused() -> None:
    with pytest.raises(MethexisError, match=r"X, Y: expected paired rows.*got 40 and 30 rows"):
        rsa(rdm(X), Y[:30])


def test_an_rdm_goes_where_the_features_live() -> None:
    torch = pytest.importorskip("torch")
    there = torch.asarray(Y)
    for pair in ((rdm(X), there), (there, rdm(X))):
        assert rsa(*pair) == pytest.approx(rsa(X, Y), abs=1e-12)  # rounding
        assert rsa_kendall(*pair) == rsa_kendall(X, Y)
    assert rsa(rdm(X), rdm(there)) == pytest.approx(rsa(X, Y), abs=1e-12)


def test_single_precision_is_brought_to_double() -> None:
    single = RDM(DISTANCES.astype(np.float32))
    assert rsa(single, Y) == rsa(RDM(single.matrix.astype(np.float64)), Y)


def test_precision_of_the_computation_is_kept() -> None:
    found = compare(rdm(X), Y, "rsa", precision="float32", num_permutations=9, num_bootstrap=9)
    assert found.score == pytest.approx(rsa(X, Y), abs=1e-5)  # float32 rounding of 780 products


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("seed", range(5))
def test_usual_ways_to_an_rdm_leave_rounding(dtype: str, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(40, 300)).astype(dtype)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    for made in (
        1 - np.corrcoef(x, dtype=dtype),
        (1 - np.corrcoef(x)).astype(dtype),
        1 - unit @ unit.T,
    ):
        found = RDM(made).matrix
        assert np.array_equal(found, found.T)
        assert not np.diagonal(found).any()
        off = ~np.eye(40, dtype=bool)
        # Half of what the triangles differ by: of products of length one a few roundings.
        assert np.abs(found - made)[off].max() <= 8 * np.finfo(dtype).eps


def test_more_than_rounding_is_refused() -> None:
    square = RDM([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).matrix
    for dtype, share in (("f8", 1e-9), ("f4", 1e-5)):
        bent = square.astype(dtype)
        bent[0, 1] *= 1 + 10 * share
        with pytest.raises(MethexisError, match="expected a symmetric matrix"):
            RDM(bent)
        full = square + np.eye(4) * 10 * share
        with pytest.raises(MethexisError, match="expected zeros on the diagonal"):
            RDM(full.astype(dtype))


def test_huge_entries_do_not_overflow() -> None:
    assert RDM(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) * 2e307).matrix.max() == 1.2e308


def test_subjects_who_saw_other_orders_are_arranged_alike() -> None:
    x = np.random.default_rng(0).normal(size=(6, 3))
    names = list("abcdef")
    seen = [3, 1, 0, 5, 4, 2]
    given = rdm(x[seen], labels=[names[k] for k in seen])
    wanted = rdm(x, labels=names)
    assert given.arranged(names).labels == tuple(names)
    assert given.arranged(names).matrix == pytest.approx(wanted.matrix, rel=1e-14)
    part = given.arranged(list("fbda"))
    assert part.matrix == pytest.approx(rdm(x[[5, 1, 3, 0]]).matrix, rel=1e-14)
    for labels, message in (
        ("abcx", "expected the label 'x', got 6 labels without it"),
        ("abc", "expected at least 4 samples"),
        ("aabc", "expected labels that differ, got 'a' twice"),
    ):
        with pytest.raises(MethexisError, match=message):
            given.arranged(list(labels))
    with pytest.raises(MethexisError, match="expected an RDM with labels"):
        rdm(x).arranged(names)
