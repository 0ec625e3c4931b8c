"""Scores without groups of samples are those of resamples with their weights, however computed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from methexis.errors import DegenerateWarning
from methexis.measures import CKA, HSIC, RSA, RV, Measure
from methexis.measures.inputs.features import features
from methexis.measures.kernels import rows
from methexis.measures.left_out import Groups
from tests.measures.cases import VARIANTS, label, related

#: Groups of seven sizes, one of them a single sample.
SIZES = (1, 2, 5, 9, 12, 14, 17)


def groups() -> Groups:
    labels = np.repeat(np.arange(len(SIZES)), SIZES)
    return Groups(np.random.default_rng(3).permutation(labels))


def reduced(measure: Measure[Any]) -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        a, b = (
            measure.reduce(features(name, given))
            for name, given in zip("XY", related(n=sum(SIZES)), strict=True)
        )
    return a, b


RESAMPLED = [measure for measure in VARIANTS if measure.resampling == "bootstrap"]


@pytest.mark.parametrize("measure", RESAMPLED, ids=label)
def test_groups_are_left_out_as_weights_say(measure: Measure[Any]) -> None:
    a, b = reduced(measure)
    by_weights = measure.resampled(a, b, groups().weights)
    found = measure.without_groups(a, b, groups())
    assert found is not None
    assert by_weights is not None
    np.testing.assert_allclose(found, by_weights, rtol=1e-9, atol=1e-12)  # the order of sums


LINEAR: list[Measure[Any]] = [
    CKA(),
    CKA(debiased=True),
    CKA(debiased=True, estimator="lange"),
    RV(modified=True),
    HSIC(kernel="linear"),
    HSIC(kernel="linear", debiased=True),
]


@pytest.mark.parametrize("measure", LINEAR, ids=label)
def test_features_leave_out_what_matrices_do(
    measure: Measure[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = measure.without_groups(*reduced(measure), groups())
    assert wanted is not None
    monkeypatch.setattr(rows, "FEW_SAMPLES", 10)
    a, b = reduced(measure)
    assert isinstance(a, rows.FeatureRows)
    found = measure.without_groups(a, b, groups())
    assert found is not None
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    # Whoever asks for a matrix, as bootstrap samples and grids do, has that of few samples.
    assert a.whole is not None
    monkeypatch.setattr(rows, "MOST_SAMPLES", 10)
    assert a.whole is None


def test_a_group_that_matters_is_seen() -> None:
    """Leaving out the one sample that makes the score takes it away."""
    x = np.random.default_rng(0).normal(size=(60, 3))
    y = np.random.default_rng(1).normal(size=(60, 3))
    x[7] = y[7] = 1e3
    measure = RSA()
    a, b = (measure.reduce(features(name, v)) for name, v in (("X", x), ("Y", y)))
    scores = measure.without_groups(a, b, Groups(np.arange(60)))
    assert scores is not None
    assert np.argmin(scores) == 7
    assert scores[7] < 0.2
    assert np.delete(scores, 7).min() > 0.9
