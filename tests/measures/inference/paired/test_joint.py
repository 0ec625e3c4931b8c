"""What moves a score is what it is without a sample; and covariances are those of new samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.inference.paired.joint import Joint, joint
from methexis.measures.inputs.features import features
from methexis.measures.kernels import rows
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen

#: Measures that know what each sample moves: name, options, how close the score without one sample
#: is to what they say (of its standard deviation), and the score without two.
KNOWN: list[tuple[str, dict[str, Any]]] = [
    ("cka", {}),
    ("cka", {"debiased": True}),
    ("gram_cosine", {}),
    ("rv", {"modified": True}),
    ("distance_correlation", {}),
    ("rsa", {}),
    ("rsa", {"comparison": "cosine"}),
    ("procrustes", {}),
    ("procrustes_distance", {}),
]


def drawn(n: int, seed: int, widths: tuple[int, int] = (5, 5), noise: float = 0.7) -> list[Any]:
    """Two noisy views of the same signals; a wider one has noise in the rest."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n, min(widths))) * np.arange(1, min(widths) + 1) ** -0.5
    found = []
    for width in widths:
        array = noise * rng.normal(size=(n, width))
        array[:, : signal.shape[1]] += signal
        found.append(array)
    return found


def reduced(measure: Measure[Any], arrays: list[Any]) -> list[Any]:
    return [measure.reduce(features("X", one)) for one in arrays]


def score(measure: Measure[Any], arrays: list[Any], kept: Any) -> float:
    return measure.score(*reduced(measure, [one[kept] for one in arrays]))


@pytest.mark.parametrize(("name", "options"), KNOWN)
@pytest.mark.parametrize("widths", [(5, 5), (4, 7)])
def test_influence_is_the_score_without_a_sample(
    name: str, options: dict[str, Any], widths: tuple[int, int]
) -> None:
    measure, n = chosen(name, options), 120
    arrays = drawn(n, 0, widths)
    a, b = reduced(measure, arrays)
    found = measure.influence(a, b)
    assert found is not None
    assert found.shape == (n,)
    assert abs(found.sum()) < 1e-12
    some = np.arange(0, n, 6)
    without = np.array([score(measure, arrays, np.arange(n) != i) for i in some])
    # Without sample i the score falls by ψ_i; what is left is of second order, ψ²  and 1/n of it.
    fall = measure.score(a, b) - without
    np.testing.assert_allclose(
        fall - fall.mean(), found[some] - found[some].mean(), atol=0.12 * found.std()
    )


@pytest.mark.parametrize(
    ("name", "options"), [("procrustes", {}), ("procrustes_distance", {}), ("cka", {}), ("rsa", {})]
)
@pytest.mark.parametrize("widths", [(4, 4), (3, 6)])
def test_interactions_are_second_differences(
    name: str, options: dict[str, Any], widths: tuple[int, int]
) -> None:
    """``S - S_i - S_j + S_ij``, apart from products of first orders, which are removed by fit."""
    measure, n = chosen(name, options), 300
    arrays = drawn(n, 1, widths)
    a, b = reduced(measure, arrays)
    rows = np.array([3, 40, 77])
    found = measure.interactions(a, b, rows)
    first = measure.influence(a, b)
    assert found is not None
    assert first is not None
    assert (found[np.arange(3), rows] == 0).all()
    every, whole = np.arange(n), measure.score(a, b)
    x, y = (one - one.mean(axis=0) for one in arrays)
    own = [np.sum(one**2, axis=1) for one in (x, y)]
    left, _, right = np.linalg.svd(x.T @ y, full_matrices=False)
    inner, outer, turned = x @ x.T, y @ y.T, x @ left @ right @ y.T
    # What centring adds when two samples are left out, which interactions do not hold.
    centring = [inner, outer, turned + turned.T, inner @ outer + outer @ inner]
    for row, line in zip(rows, found, strict=True):
        some = np.array([j for j in range(0, n, 10) if j != row])
        both = np.array([score(measure, arrays, (every != row) & (every != j)) for j in some])
        one = score(measure, arrays, every != row)
        each = np.array([score(measure, arrays, every != j) for j in some])
        second = whole - one - each + both
        others = [one[row, some] for one in centring]
        columns = [line[some], first[some], *(o[some] for o in own), *others]
        design = np.stack([*columns, np.ones(len(some))], axis=1)
        fitted, *_ = np.linalg.lstsq(design, second, rcond=None)
        assert fitted[0] == pytest.approx(1.0, abs=0.15)
        left = second - design @ fitted
        assert left.std() < 0.25 * second.std()


def test_neighbours_know_what_moves_them_unless_they_are_tied() -> None:
    measure = chosen("mutual_knn", {"k": 5})
    a, b = reduced(measure, drawn(90, 2))
    found, second = measure.influence(a, b), measure.interactions(a, b, np.array([4, 5]))
    assert found is not None
    assert second is not None
    assert abs(found.sum()) < 1e-12
    assert second[0, 5] == pytest.approx(
        second[1, 4], abs=1e-15
    )  # what two do together does not depend on their order
    codes = np.random.default_rng(0).integers(1, 3, size=(90, 3)).astype(float)
    with pytest.warns(DegenerateWarning, match="equally near"):
        tied = reduced(measure, [codes, drawn(90, 2)[0]])
    assert measure.influence(*tied) is None


SIMULATED: list[tuple[str, dict[str, Any], float]] = [
    ("cka", {"debiased": True}, 1.5),
    ("mutual_knn", {}, 0.7),
    ("procrustes", {}, 1.5),
    ("rsa", {}, 0.7),
]


@pytest.mark.parametrize(("name", "options", "noise"), SIMULATED)
def test_errors_of_differences_are_their_deviations(
    name: str, options: dict[str, Any], noise: float
) -> None:
    """B and C exchangeable: over draws the mean square error is the variance of the difference.

    Of 250 draws a variance has a standard error of 9 %; four of them, and what bias is allowed.
    """
    measure, n = chosen(name, options), 150
    differences, squares = [], []
    for seed in range(250):
        rng = np.random.default_rng([11, seed])
        a, b, c = (reduced(measure, [one])[0] for one in _three(rng, n, noise))
        found = joint(measure, [(a, b), (a, c)], num_samples=n)
        differences.append(found.scores[0] - found.scores[1])
        squares.append(found.errors()[0, 1] ** 2)
    assert np.mean(squares) / np.var(differences) == pytest.approx(1.0, abs=0.36)


def _three(rng: np.random.Generator, n: int, noise: float) -> list[Any]:
    signal = rng.normal(size=(n, 6))
    return [signal + noise * rng.normal(size=(n, 6)) for _ in range(3)]


def test_what_is_unrelated_is_all_interactions() -> None:
    """Of unrelated representations half of the loose variance is counted twice."""
    measure = chosen("cka", {"debiased": True})
    rng = np.random.default_rng(5)
    a, b = reduced(measure, [rng.normal(size=(300, 40)) for _ in range(2)])
    found = joint(measure, [(a, b)], num_samples=300)
    moments = measure.null_moments(a, b)
    assert moments is not None
    assert found.variance(np.ones((1, 1)))[0] == pytest.approx(moments.sd**2, rel=0.35)
    assert found.loose[0, 0] == pytest.approx(2 * moments.sd**2, rel=0.35)


def test_groups_of_copies_are_as_one_sample() -> None:
    """Every row three times, in groups: errors are those of the rows alone, to 1/n."""
    measure = chosen("cka", {})
    arrays = drawn(80, 3)
    alone = joint(measure, [tuple(reduced(measure, arrays))], num_samples=80)
    copied = reduced(measure, [np.repeat(one, 3, axis=0) for one in arrays])
    groups = np.repeat(np.arange(80), 3)
    found = joint(measure, [(copied[0], copied[1])], num_samples=240, groups=groups)
    assert found.scores == pytest.approx(alone.scores)
    assert found.loose[0, 0] == pytest.approx(alone.loose[0, 0], rel=0.03)
    assert found.dof == 79
    naive = joint(measure, [(copied[0], copied[1])], num_samples=240)
    assert naive.loose[0, 0] < 0.5 * found.loose[0, 0]


@pytest.mark.parametrize("name", ["cca", "jaccard_knn", "hsic"])
def test_other_measures_are_followed_through_resamples(name: str) -> None:
    measure = chosen(name, {})
    a, b = reduced(measure, drawn(120, 4))
    found = joint(measure, [(a, b), (a, a)], num_samples=120)
    assert found.covariance.shape == (2, 2)
    assert found.covariance[0, 0] > 0


def test_a_measure_of_which_nothing_is_known_is_refused() -> None:
    measure = chosen("pwcca", {})
    a, b = reduced(measure, drawn(60, 4))
    with pytest.raises(MethexisError, match="expected one with intervals, such as cka"):
        joint(measure, [(a, b)], num_samples=60)


def test_a_scale_is_taken_from_scores_and_errors_alike() -> None:
    one = Joint(np.array([2.0, 4.0]), np.eye(2), np.eye(2), 9)
    found = one.scaled(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
    assert found.scores.tolist() == [0.5, 0.5]
    assert found.errors()[0, 1] == pytest.approx(np.sqrt(1 / 4 + 1 / 16))
    assert found.dof == 9


@pytest.mark.parametrize("options", [{}, {"debiased": True}])
def test_features_of_many_samples_move_a_score_as_matrices_do(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, arrays = chosen("cka", options), drawn(400, 6, (4, 7))
    whole = measure.influence(*reduced(measure, arrays))
    monkeypatch.setattr(rows, "MOST_SAMPLES", 100)
    features_alone = reduced(measure, arrays)
    assert isinstance(features_alone[0], rows.FeatureRows)
    found = measure.influence(*features_alone)
    assert found is not None
    assert whole is not None
    # Debiased centring, which rows leave out, is of order 1/n of a sample's influence.
    np.testing.assert_allclose(
        found, whole, atol=float(np.std(whole)) * (0.02 if options else 2e-10)
    )


def test_torch_tensors_are_compared_as_arrays() -> None:
    torch = pytest.importorskip("torch")
    a, b, c = *drawn(80, 7), drawn(80, 8)[0]
    for measure in (None, "mutual_knn", "procrustes", "rsa"):
        plain = mx.closer(a, b, c, measure)
        one, two, three = (torch.from_numpy(array) for array in (a, b, c))
        found = mx.closer(one, two, three, measure)
        assert found.difference == pytest.approx(plain.difference)
        assert found.error == pytest.approx(plain.error)
