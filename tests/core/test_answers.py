"""Answers of replicas: NaN where one was lost, a sentence where one that was not has no answer."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence

from methexis.core.answers import computed, finite_replicas, of_replicas
from methexis.errors import MethexisError

ONE = [np.arange(1.0, 7.0).reshape(2, 3), np.ones((2, 2))]
LOST = [np.stack([w, np.where(w > 1.0, np.inf, np.nan), 2.0 * w]) for w in ONE]


def total(weights: list[np.ndarray]) -> np.ndarray:
    return weights[0].sum(axis=(-2, -1)) + weights[1].sum(axis=(-2, -1))


def test_lost_replicas_have_nan_and_nobody_else() -> None:
    assert_array_equal(finite_replicas(LOST), [True, False, True])
    seen = []
    found = of_replicas("f", LOST, lambda w: (seen.extend(w), total(w))[1])
    assert all(np.isfinite(w).all() for w in seen), "no decomposition may meet a lost replica"
    assert_array_equal(found, [total(ONE), np.nan, 2.0 * total(ONE)])
    layers = of_replicas("f", LOST, lambda w: [2.0 * one for one in w])
    assert_array_equal(layers[0][1], np.full((2, 3), np.nan))
    assert_array_equal(layers[0][2], 4.0 * ONE[0])


def test_sound_weights_are_handed_on_as_they_are() -> None:
    seen = []
    of_replicas("f", ONE, lambda w: (seen.extend(w), total(w))[1])
    assert all(a is b for a, b in zip(seen, ONE, strict=True))


def test_no_answer_is_a_sentence() -> None:
    with pytest.raises(MethexisError, match=r"^f: expected numbers of which .* up to 6; change"):
        of_replicas("f", ONE, lambda w: np.array(np.inf))
    with pytest.raises(MethexisError, match=r"^f: expected at least one replica .* got 2, all"):
        of_replicas("f", [w[[1, 1]] for w in LOST], total)


@pytest.mark.parametrize(
    "error",
    [
        np.linalg.LinAlgError("no convergence"),
        ArpackError(-9),
        ArpackNoConvergence("none", np.ones(1), np.ones(1)),
        OverflowError("too large"),
        ZeroDivisionError("by zero"),
        ValueError("array must not contain infs or NaNs"),
    ],
)
def test_errors_of_libraries_are_sentences(error: Exception) -> None:
    with (
        pytest.raises(MethexisError, match=r"^f: expected numbers .* got \w+ \(") as caught,
        computed("f"),
    ):
        raise error
    assert "\n" not in str(caught.value)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(KeyError), computed("f"):
        raise KeyError
    with pytest.raises(ValueError, match="ours"), computed("f"):
        raise ValueError("ours")
    with pytest.raises(MethexisError, match=r"^g: expected$"), computed("f"):
        raise MethexisError("g: expected")
