"""`compare`: what it refuses, what it records, and how its null and interval are made."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from methexis import measures
from methexis.core.checks import MethexisError
from methexis.errors import DegenerateWarning
from methexis.measures import Preprocessing, compare
from methexis.measures.inference import nulls
from methexis.measures.inference.intervals import Resamples, interval
from methexis.measures.measure import NullMoments
from tests.measures.cases import related, unrelated


def bad(x: np.ndarray, row: int, column: int, value: float) -> np.ndarray:
    x = x.copy()
    x[row, column] = value
    return x


X, Y = related()


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X, Y[:-1], "paired rows.*got 40 and 39 rows"),
        (bad(X, 7, 2, np.nan), Y, "X: expected finite numbers, got nan in row 7, column 2"),
        (X, bad(Y, 0, 1, np.inf), "Y: expected finite numbers, got inf in row 0, column 1"),
        (X[:3], Y[:3], "at least 4 rows"),
        (X[:, :0], Y, "one column"),
        (np.ones((40, 3)), Y, "X: expected features that differ between samples, got 40 equal"),
        (X.astype(complex), Y, "real"),
        (X.astype(str), Y, "real"),
        (X[None], Y, "shape .* average over the middle dimension"),
        (X[:, 0], Y, "num_samples, num_features"),
        ([[1.0, 2.0], [3.0]], Y, "X: expected an array"),
        ("a file.npy", Y, "X: expected an array, or a .npy file that holds one, got"),
    ],
)
def test_bad_arrays_are_refused_in_one_sentence(x: Any, y: Any, message: str) -> None:
    with pytest.raises(MethexisError, match=message) as caught:
        compare(x, y)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"measure": "mutual_nn"}, "measure: expected one of .* did you mean"),
        (
            {"neighbours": 3},
            "options of cka: expected kernel, .*sampled_features, got 'neighbours'",
        ),
        ({"name": "HSIC"}, "options of cka: expected .* got 'name'"),  # of the class, no option
        ({"null": "gaussian"}, "null: expected one of"),
        ({"null": "permutation", "num_permutations": 1}, "num_permutations: expected at least 2"),
        ({"num_bootstrap": -1}, "num_bootstrap"),
        ({"confidence": 1.0}, "confidence"),
        ({"preprocessing": "phr"}, "preprocessing: expected one of 'none', 'prh'"),
        ({"precision": "float16"}, "precision"),
        ({"seed": 0.5}, "seed"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(MethexisError, match=message):
        compare(X, Y, **settings)


@pytest.mark.parametrize("measure", ["cka", "mutual_knn", "procrustes", "rsa"])
def test_numpy_beside_tensors(measure: str) -> None:
    """NumPy's arrays go where tensors live, in either place; read-only ones too."""
    torch = pytest.importorskip("torch")
    fixed = X.copy()
    fixed.flags.writeable = False
    both = compare(torch.asarray(X), torch.asarray(Y), measure, num_bootstrap=9)
    for pair in ((fixed, torch.asarray(Y)), (torch.asarray(X), Y)):
        found = compare(*pair, measure, num_bootstrap=9)
        assert (found.score, found.p, found.ci) == (both.score, both.p, both.ci)
    single = compare(X.astype(np.float32), torch.asarray(Y), measure, num_bootstrap=0)
    assert single.preprocessing["given"] == ("float32", "float64")
    with pytest.raises(MethexisError, match="X, Y: expected paired rows"):
        compare(X[1:], torch.asarray(Y))


def test_numpy_beside_tensors_in_whatever_compares() -> None:
    torch = pytest.importorskip("torch")
    there = torch.asarray(Y)
    grid = measures.compare_all({"x": X, "y": there}, {"a": there, "b": X[:, :2]}, "cka")
    plain = measures.compare_all({"x": X, "y": Y}, {"a": Y, "b": X[:, :2]}, "cka")
    assert np.allclose(grid.scores, plain.scores, atol=1e-12)
    assert np.allclose(grid.p, plain.p, atol=1e-9)
    ours, theirs = (measures.closer(X, one, X[:, :2], "cka") for one in (there, Y))
    assert ours.p == pytest.approx(theirs.p)
    order = measures.nearest(X, {"y": there, "x": X[:, :2]})
    assert len(order.scores) == 2
    for one, other in ((X, there), (there, X)):
        read = compare(one, X[:, :2], num_bootstrap=0, references={"y": other}).levels
        assert read is not None
    assert measures.procrustes(X, there) == pytest.approx(measures.procrustes(X, Y))


def test_half_precision_is_computed_in_double_and_recorded() -> None:
    torch = pytest.importorskip("torch")
    x, y = (torch.asarray(v).to(torch.bfloat16) for v in (X, Y))
    found = compare(x, y, num_bootstrap=0)
    again = compare(x.double(), y.double(), num_bootstrap=0)
    assert found.score == again.score
    assert found.preprocessing["given"] == ("bfloat16", "bfloat16")


def test_the_record_is_plain_data() -> None:
    found = compare(X, Y.astype(np.float32), preprocessing="prh", num_bootstrap=20)
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain["preprocessing"] == {
        "clip_quantile": 0.95,
        "clip_rule": "all",
        "centre": False,
        "normalise": True,
        "given": ["float64", "float32"],
        "precision": "float64",
    }
    assert plain["n"] == 40
    assert plain["d"] == [6, 5]


def test_preprocessing_is_what_it_says() -> None:
    steps = Preprocessing(clip_quantile=0.9, centre=True, normalise=True)
    bounds = [np.sort(np.abs(v).ravel())[int(0.9 * v.size)] for v in (X, Y)]
    by_hand = [np.clip(v, -q, q) for v, q in zip((X, Y), bounds, strict=True)]
    by_hand = [v - v.mean(axis=0) for v in by_hand]
    by_hand = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in by_hand]
    found = compare(X, Y, preprocessing=steps, num_bootstrap=0).score
    assert found == pytest.approx(compare(*by_hand, num_bootstrap=0).score, rel=1e-12)


def test_rows_of_zeros_have_no_direction() -> None:
    x = X.copy()
    x[5] = 0.0
    with pytest.raises(MethexisError, match=r"zeros in 1 of \d+ rows \(5\)"):
        compare(x, Y, preprocessing=Preprocessing(normalise=True))


def test_equal_seeds_equal_results() -> None:
    settings: dict[str, Any] = {"null": "permutation", "num_permutations": 50, "num_bootstrap": 50}
    one, again, other = (compare(X, Y, seed=s, **settings) for s in (1, 1, 2))
    assert one == again
    assert one.null_sd != other.null_sd  # the mean is known exactly


def test_permutation_p_counts_the_score_itself() -> None:
    null = nulls.from_scores(np.linspace(0.0, 1.0, 99))
    assert null.p_value(2.0, distance=False) == 1 / 100
    assert null.p_value(-1.0, distance=False) == 1.0
    assert null.p_value(-1.0, distance=True) == 1 / 100


def test_rounding_makes_no_score_rare() -> None:
    """Scores that are one and the same but for rounding: no spread, and every one is a tie."""
    null = nulls.from_scores(1.0 + 1e-16 * np.arange(19))
    assert (null.sd, null.p_value(1.0 + 1e-14, distance=False)) == (0.0, 1.0)
    assert null.p_value(1.0 + 1e-9, distance=False) == 1 / 20
    spread = nulls.from_scores(np.linspace(0.0, 1.0, 99))
    assert spread.p_value(1.0 + 1e-15, distance=False) == 2 / 100


@pytest.mark.parametrize("skewness", [-0.5, 0.0, 0.8])
def test_moments_give_the_tail_of_a_gamma_law(skewness: float) -> None:
    """A gamma law of shape k has skewness 2/sqrt(k): Pearson III is that law, moved and scaled."""
    null = nulls.from_moments(NullMoments(mean=2.0, sd=3.0, skewness=skewness))
    if skewness == 0.0:
        wanted = stats.norm.sf(1.5)
    else:
        shape = 4.0 / skewness**2
        z = 1.5 * np.sign(skewness)
        law = stats.gamma(shape)
        at = shape + z * np.sqrt(shape)
        wanted = law.sf(at) if skewness > 0 else law.cdf(at)
    assert null.p_value(2.0 + 1.5 * 3.0, distance=False) == pytest.approx(wanted, rel=1e-9)


def test_the_interval_is_not_moved_by_the_bias_of_resamples() -> None:
    resamples = np.random.default_rng(0).normal(loc=0.7, scale=0.1, size=20_000)
    low, high = interval(0.5, Resamples(resamples), 0.95)
    assert low == pytest.approx(0.5 - 0.196, abs=0.005)  # quantiles of 20,000: .1 * .015
    assert high == pytest.approx(0.5 + 0.196, abs=0.005)


def test_the_interval_leans_as_the_resamples_do() -> None:
    """Resamples with a long tail below: so has the interval, at the quantiles about their mean."""
    resamples = 1.0 - np.random.default_rng(0).exponential(scale=0.1, size=20_000)
    low, high = interval(0.8, Resamples(resamples), 0.95)
    # Quantiles of an exponential law, less its mean; of 20,000 the far one is known to .005.
    assert low == pytest.approx(0.8 + 0.1 * (1.0 + np.log(0.025)), abs=0.015)
    assert high == pytest.approx(0.8 + 0.1 * (1.0 + np.log(0.975)), abs=0.001)


def test_chance_level_of_biased_cka_is_known() -> None:
    """Independent Gaussians, n = d: half of the score is chance; the effect says so."""
    found = compare(*unrelated(n=128, dx=128, dy=128), num_bootstrap=0)
    assert found.score == pytest.approx(0.5, abs=0.02)
    assert abs(found.effect) < 0.05
    assert found.p > 0.01


def test_it_prints_in_one_line() -> None:
    text = str(compare(X, Y, num_bootstrap=20))
    assert text.startswith("cka 0.9")
    assert "\n" not in text


def test_an_interval_beyond_the_range_is_noted_and_not_cut() -> None:
    """Gram cosine of 6 samples: the lower end is below 0, the least that it can be."""
    x, y = np.random.default_rng(1).normal(size=(2, 6, 3))
    with pytest.warns(DegenerateWarning, match="an end of the interval lies outside the range"):
        found = compare(x, y, "gram_cosine", null="none", num_bootstrap=199)
    assert found.ci[0] < -0.01
    assert sum("outside the range of the score" in note for note in found.notes) == 1
    same = compare(x, 2.0 * x, "gram_cosine", null="none", num_bootstrap=199)
    assert same.ci == (same.score, same.score)  # beyond by rounding is not beyond
    assert same.notes == ()


def test_zero_is_printed_without_a_sign() -> None:
    found = replace(compare(X, Y, num_bootstrap=0), score=-1e-9, null_mean=-1e-9, effect=-1e-9)
    assert "-0.0000" not in str(found)
    assert str(found).startswith("cka 0.0000, by chance 0.0000 ±")
