"""Where every pairing of the rows is as good as any other, rounding is not taken for a null."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.errors import DegenerateWarning
from methexis.measures import MEASURES, Measure
from methexis.measures.inference import nulls
from methexis.measures.registry import chosen

SPECS = [*MEASURES, "procrustes:alpha=0", "procrustes_distance:alpha=0", "gulp:ridge=0"]
SPANS = ["cca", "pwcca", "procrustes:alpha=0", "procrustes_distance:alpha=0", "gulp:ridge=0"]

FEW: dict[str, Any] = {"num_permutations": 19, "num_bootstrap": 0}


def wide() -> tuple[np.ndarray, np.ndarray]:
    """More features than samples: the spans of both are all there is."""
    rng = np.random.default_rng(5)
    return rng.normal(size=(30, 50)), rng.normal(size=(30, 40))


def measure(spec: str) -> Measure[object]:
    name, _, option = spec.partition(":")
    key, _, value = option.partition("=")
    return chosen(name, {key: float(value)} if key else {})


@pytest.mark.parametrize("spec", SPECS)
def test_what_rounding_alone_changes_changes_no_null(spec: str) -> None:
    """Rows and features in another order: sums in another order, and nothing else."""
    if spec == "soft_matching":
        pytest.importorskip("ot")
    x, y = wide()
    rows, features = np.random.default_rng(6).permutation(30), np.arange(50)[::-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = mx.compare(x, y, measure(spec), null="permutation", **FEW)
        other = mx.compare(x[:, features], y[:, ::-1], measure(spec), null="permutation", **FEW)
        grids = [
            mx.compare_all([x], [y], measure(spec), null="permutation", num_permutations=19)
            for x, y in ((x, y), (x[rows], y[rows]))
        ]
    for key in ("p", "z", "effect"):
        a, b = getattr(one, key), getattr(other, key)
        np.testing.assert_allclose(a, b, rtol=1e-6, err_msg=key)
    assert [np.isnan(grid.effect[0, 0]) for grid in grids] == [np.isnan(one.effect)] * 2


@pytest.mark.parametrize("spec", SPANS)
def test_spans_of_all_samples_have_no_effect(spec: str) -> None:
    x, y = wide()
    with pytest.warns(DegenerateWarning):
        found = mx.compare(x, y, measure(spec), **FEW)
    assert (found.p, found.null_sd) == (1.0, 0.0)
    assert np.isnan(found.effect)
    assert np.isnan(found.z)


def test_ties_have_no_spread_and_others_keep_theirs() -> None:
    scores = np.array([[1.0, 0.0], [1.0 - 2e-16, 1e-3], [1.0, 0.0]])
    assert nulls.spread(scores)[0] == 0.0
    np.testing.assert_allclose(nulls.spread(scores)[1], np.std([0, 1e-3, 0]))
    np.testing.assert_array_equal(nulls.effect([1.0, 0.5], [1.0 - 1e-15, 0.0], 1.0), [np.nan, 0.5])
