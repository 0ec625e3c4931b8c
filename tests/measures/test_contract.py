"""What every measure must do: one suite over the registry, without exceptions."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import MEASURES, Invariance, Measure, compare
from methexis.measures.inference import nulls
from methexis.measures.inference.resampling import resamples
from methexis.measures.inputs.features import features
from tests.measures.cases import ACTIONS, VARIANTS, label, measured, related, unrelated

every_measure = pytest.mark.parametrize("measure", VARIANTS, ids=label)


@every_measure
@pytest.mark.parametrize("group", Invariance)
@pytest.mark.parametrize("side", ["first", "second"])
def test_sees_what_it_says_it_sees(measure: Measure[Any], group: Invariance, side: str) -> None:
    """Unchanged under the declared groups, to rounding; changed under all others."""
    x, y = related()
    before = measured(measure, x, y)
    changed = (ACTIONS[group](x), y) if side == "first" else (x, ACTIONS[group](y))
    after = measured(measure, *changed)
    scale = max(1.0, abs(before))
    if group in measure.invariances:
        assert abs(after - before) < 1e-9 * scale  # rounding of products of 40 x 40 numbers
    else:
        assert abs(after - before) > 1e-5 * scale


@every_measure
def test_its_function_gives_the_same(measure: Measure[Any]) -> None:
    """The function of that name, with its options by name, and the measure called."""
    x, y = related()
    function = getattr(mx.measures, measure.name)
    assert function(x, y, **measure.options()) == measure(x, y) == measured(measure, x, y)


@every_measure
def test_identical_representations_score_the_aligned_value(measure: Measure[Any]) -> None:
    x, _ = related()
    if not np.isnan(measure.aligned):
        assert measured(measure, x, x) == pytest.approx(measure.aligned, abs=1e-6)


@every_measure
def test_scores_lie_in_the_range(measure: Measure[Any]) -> None:
    low, high = measure.range
    few = measure.min_features
    narrow = unrelated(n=200, dx=few, dy=few)
    for pair in (related(), unrelated(), related(n=12, dx=30, dy=20), narrow):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", DegenerateWarning)  # d > n on purpose
            score = measured(measure, *pair)
        # Without a score there is a warning.
        assert low - 1e-9 <= score <= high + 1e-9 or (np.isnan(score) and caught)


@every_measure
def test_related_representations_are_more_aligned_than_unrelated(measure: Measure[Any]) -> None:
    one, other = measured(measure, *related(n=80)), measured(measure, *unrelated(n=80))
    assert one < other if measure.distance else one > other


@every_measure
def test_reordering_the_reduced_is_reducing_the_reordered(measure: Measure[Any]) -> None:
    x, y = related()
    order = np.random.default_rng(5).permutation(len(x))
    a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
    cached = measure.score(a, measure.reorder(b, order))
    anew = measured(measure, x, y[order])
    assert cached == pytest.approx(anew, rel=1e-9, abs=1e-12)
    assert measure.permuted(a, b, order[None])[0] == pytest.approx(anew, rel=1e-9, abs=1e-12)


@every_measure
def test_closed_moments_are_those_of_permutations(measure: Measure[Any]) -> None:
    """Mean and deviation within 5 standard errors of 4000 permutations, where there are any."""
    x, y = related()
    a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
    moments = measure.null_moments(a, b)
    if moments is None:
        return
    scores = measure.permuted(a, b, nulls.orders(len(x), 4000, seed=7))
    assert abs(scores.mean() - moments.mean) < 5 * scores.std() / np.sqrt(len(scores))
    # The standard error of a standard deviation is sd sqrt((kurtosis - 1) / 4 m); kurtosis < 10.
    assert scores.std() == pytest.approx(moments.sd, rel=5 * np.sqrt(9 / (4 * len(scores))))


@every_measure
def test_exact_mean_is_that_of_permutations(measure: Measure[Any]) -> None:
    """Within 5 standard errors of 4000 permutations, where it is known."""
    x, y = related()
    a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
    mean = measure.null_mean(a, b)
    if mean is not None:
        scores = measure.permuted(a, b, nulls.orders(len(x), 4000, seed=7))
        assert abs(scores.mean() - mean) < 5 * scores.std() / np.sqrt(len(scores))


@every_measure
def test_first_tier_has_an_interval(measure: Measure[Any]) -> None:
    x, y = related()
    a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
    resampled = resamples(measure, a, b, num_samples=len(x), num_resamples=20, seed=8)
    assert (resampled is not None) or measure.tier == 2
    if resampled is not None:
        assert resampled.scores.shape == (20,)
        assert np.isfinite(resampled.scores).all()
        assert np.ptp(resampled.scores) > 0


@every_measure
def test_resampling_every_sample_once_is_the_score(measure: Measure[Any]) -> None:
    x, y = related()
    a, b = measure.reduce(features("X", x)), measure.reduce(features("Y", y))
    resampled = measure.resampled(a, b, np.ones((1, len(x)), dtype=np.int64))
    if resampled is not None:
        assert resampled[0] == pytest.approx(measure.score(a, b), rel=1e-9, abs=1e-12)


@every_measure
def test_torch_gives_the_same(measure: Measure[Any]) -> None:
    torch = pytest.importorskip("torch")
    x, y = related()
    there = measured(measure, torch.asarray(x), torch.asarray(y))
    assert there == pytest.approx(measured(measure, x, y), rel=1e-9, abs=1e-12)


@every_measure
def test_single_precision_input_is_computed_in_double(measure: Measure[Any]) -> None:
    x, y = (v.astype(np.float32) for v in related())
    assert measured(measure, x, y) == measured(measure, x.astype(np.float64), y.astype(np.float64))


@every_measure
def test_compare_gives_all_of_it(measure: Measure[Any]) -> None:
    found = compare(*related(), measure, num_permutations=99, num_bootstrap=50)
    assert found.p < 0.05
    assert found.z > 2
    assert np.isfinite(found.effect) or np.isnan(measure.aligned)
    if measure.tier == 1:
        assert found.ci[0] < found.score < found.ci[1]


@every_measure
def test_it_says_where_it_comes_from(measure: Measure[Any]) -> None:
    assert measure.reference
    assert measure.title
    assert MEASURES[measure.name] is type(measure)


@every_measure
def test_options_that_are_true_or_false_are_nothing_else(measure: Measure[Any]) -> None:
    """Each field whose default is a bool is one that is checked, so none is forgotten."""
    for name in [f.name for f in fields(measure) if isinstance(f.default, bool)]:  # type: ignore[arg-type]
        for value in ("no", "false", 1, None):
            with pytest.raises(MethexisError) as error:
                replace(measure, **{name: value})  # type: ignore[type-var]
            assert str(error.value) == f"{name}: expected True or False, got {value!r}"
        same = replace(measure, **{name: np.bool(getattr(measure, name))})  # type: ignore[type-var]
        assert same == measure
        assert type(getattr(same, name)) is bool
