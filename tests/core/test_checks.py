"""Bad input at every public boundary: one sentence that says what was expected and what came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import methexis as mx
from methexis.core import checks

TEACHER = mx.Teacher(np.eye(2))
STUDENT = mx.EDLN((2,))
GOOD = [np.eye(2), np.eye(2)]
SINGULAR = [[1.0, 1.0], [1.0, 1.0]]
NAN = [[1.0, np.nan], [0.0, 1.0]]

# call, message (a regular expression that the whole sentence must contain)
BAD = {
    "weight is a vector": (
        lambda: mx.Teacher([1.0, 2.0]),
        r"^weight: expected shape \(any, any\), got \(2,\)$",
    ),
    "weight holds NaN": (
        lambda: mx.Teacher(NAN),
        r"^weight: expected finite numbers, got nan at index \(0, 1\) \(1 bad of 4\)$",
    ),
    "weight holds infinity": (
        lambda: mx.Teacher([[np.inf, -np.inf]]),
        r"^weight: expected finite numbers, got inf at index \(0, 0\) \(2 bad of 2\)$",
    ),
    "weight is empty": (
        lambda: mx.Teacher(np.zeros((2, 0))),
        r"^weight: expected at least one entry, got shape \(2, 0\)$",
    ),
    "weight is ragged": (
        lambda: mx.Teacher([[1.0], [1.0, 2.0]]),
        r"^weight: expected an array, got list that cannot become one: .+$",
    ),
    "weight is complex": (
        lambda: mx.Teacher([[1j]]),
        r"^weight: expected real numbers, got dtype complex128; give real .+$",
    ),
    "weight is text": (
        lambda: mx.Teacher([["a"]]),
        r"^weight: expected real numbers, got dtype <U1$",
    ),
    "cov_x has a wrong shape": (
        lambda: mx.Teacher(np.eye(2), cov_x=np.eye(3)),
        r"^cov_x: expected shape \(2, 2\), got \(3, 3\)$",
    ),
    "cov_x is asymmetric": (
        lambda: mx.Teacher(np.eye(2), cov_x=[[1.0, 0.5], [0.0, 1.0]]),
        r"^cov_x: expected a symmetric matrix, got \|A - A\^T\| up to 0.5 where \|A\| is up to 1$",
    ),
    "cov_noise is indefinite": (
        lambda: mx.Teacher(np.eye(2), cov_noise=[[1.0, 2.0], [2.0, 1.0]]),
        r"^cov_noise: expected no negative eigenvalue \(a covariance\), got -1$",
    ),
    "rank too large": (
        lambda: mx.Teacher.random(3, 2, rank=3),
        r"^rank: expected an integer in \[1, 2\], got 3$",
    ),
    "rank zero": (
        lambda: mx.Teacher.random(3, 2, rank=0),
        r"^rank: expected an integer in \[1, 2\], got 0$",
    ),
    "condition below one": (
        lambda: mx.Teacher.random(3, 2, condition_noise=0.5),
        r"^condition_noise: expected a finite number >= 1, got 0.5$",
    ),
    "seed is negative": (
        lambda: mx.Teacher.random(3, 2, seed=-1),
        r"^seed: expected an integer >= 0, got -1$",
    ),
    "seed is a float": (
        lambda: mx.Teacher.random(3, 2, seed=1.0),
        r"^seed: expected an integer >= 0, got 1.0$",
    ),
    "seed is a bool": (
        lambda: mx.Teacher.random(3, 2, seed=True),
        r"^seed: expected an integer >= 0, got True$",
    ),
    "no samples": (
        lambda: TEACHER.samples(0),
        r"^num_samples: expected an integer >= 1, got 0$",
    ),
    "design with too few inputs": (
        lambda: TEACHER.product_samples(1, 5),
        r"^num_x: expected an integer >= 2, got 1$",
    ),
    "design with too little noise": (
        lambda: TEACHER.product_samples(2, 2),
        r"^num_noise: expected an integer >= 3, got 2$",
    ),
    "unpaired rows": (
        lambda: mx.Samples(np.ones((3, 1)), np.ones((4, 1))),
        r"^Samples: expected paired rows, got 3 inputs and 4 labels$",
    ),
    "labels as a vector": (
        lambda: mx.Samples(np.ones((3, 1)), np.ones(3)),
        r"^y: expected shape \(any, any\), got \(3,\)$",
    ),
    "no hidden layer": (
        lambda: mx.EDLN(()),
        r"^hidden: expected at least one hidden layer \(depth >= 2\), got none$",
    ),
    "hidden is a number": (
        lambda: mx.EDLN(3),
        r"^hidden: expected a sequence of widths, got 3$",
    ),
    "a width of zero": (
        lambda: mx.EDLN((3, 0)),
        r"^hidden\[1\]: expected an integer >= 1, got 0$",
    ),
    "embedding holds NaN": (
        lambda: mx.EDLN((2,), embed_out=NAN),
        r"^embed_out: expected finite numbers, got nan at index \(0, 1\) \(1 bad of 4\)$",
    ),
    "view holds NaN": (
        lambda: mx.EDLN((2,), view=NAN),
        r"^view matrix: expected finite numbers, got nan .+$",
    ),
    "private covariance is indefinite": (
        lambda: mx.View(private_cov=[[-1.0]]),
        r"^private_cov: expected no negative eigenvalue \(a covariance\), got -1$",
    ),
    "private covariance is not square": (
        lambda: mx.View(private_cov=[[1.0, 0.0]]),
        r"^private_cov: expected shape \(1, 1\), got \(1, 2\)$",
    ),
    "view for other inputs": (
        lambda: mx.theory.platonic(TEACHER, mx.EDLN((2,), view=np.eye(3))),
        r"^view matrix: expected 2 columns .+, got shape \(3, 3\)$",
    ),
    "label matrix for other labels": (
        lambda: mx.theory.platonic(TEACHER, mx.EDLN((2,), view=mx.View(label_matrix=np.eye(3)))),
        r"^label_matrix: expected 2 columns, got shape \(3, 3\)$",
    ),
    "input embedding for another view": (
        lambda: mx.theory.platonic(TEACHER, mx.EDLN((2,), embed_in=np.eye(3))),
        r"^embed_in: expected 2 columns \(the view's outputs\), got shape \(3, 3\)$",
    ),
    "output embedding for other labels": (
        lambda: mx.theory.platonic(TEACHER, mx.EDLN((2,), embed_out=np.eye(3))),
        r"^embed_out: expected 2 rows \(the labels\), got shape \(3, 3\)$",
    ),
    "private features with samples": (
        lambda: mx.theory.platonic(
            TEACHER.samples(5), mx.EDLN((2,), view=mx.View(private_cov=[[1.0]]))
        ),
        r"^private_cov: expected none with Samples .+, got 1 private features$",
    ),
    "source is an array": (
        lambda: mx.theory.platonic(np.eye(2), STUDENT),
        r"^source: expected a Teacher or Samples, got ndarray$",
    ),
    "student is a tuple": (
        lambda: mx.theory.platonic(TEACHER, (2,)),
        r"^student: expected an EDLN or MLP, got tuple$",
    ),
    "unknown loss": (
        lambda: mx.theory.platonic(TEACHER, STUDENT, loss="hinge"),
        r"^loss: expected one of 'squared', 'whitened', .*'cross_entropy', got 'hinge'$",
    ),
    "loss is no word": (
        lambda: mx.theory.platonic(TEACHER, STUDENT, loss=["squared"]),
        r"^loss: expected one of 'squared', 'whitened', .*'cross_entropy', got \['squared'\]$",
    ),
    "too few layers": (
        lambda: mx.theory.entropy(TEACHER, STUDENT, GOOD[:1]),
        r"^weights: expected 2 layers, got 1$",
    ),
    "layer of a wrong shape": (
        lambda: mx.theory.entropy(TEACHER, STUDENT, [np.eye(2), np.eye(3)]),
        r"^weights\[1\]: expected shape \(..., 2, 2\), got \(3, 3\)$",
    ),
    "layer is a vector": (
        lambda: mx.theory.hessian_trace(TEACHER, STUDENT, [np.ones(2), np.eye(2)]),
        r"^weights\[0\]: expected shape \(..., 2, 2\), got \(2,\)$",
    ),
    "replicas differ": (
        lambda: mx.theory.sharpness(TEACHER, STUDENT, [np.ones((3, 2, 2)), np.ones((4, 2, 2))]),
        r"^weights\[1\]: expected leading dimensions \(3,\) as in the first layer, got \(4,\)$",
    ),
    "too many eigenvalues": (
        lambda: mx.theory.top_eigenvalues(TEACHER, STUDENT, GOOD, count=8),
        r"^count: expected an integer in \[1, 7\], got 8$",
    ),
    "learning rate of zero": (
        lambda: mx.theory.entropic_loss(TEACHER, STUDENT, GOOD, lr=0.0),
        r"^lr: expected a finite number > 0, got 0$",
    ),
    "batch of zero": (
        lambda: mx.theory.relaxation(TEACHER, STUDENT, lr=0.1, batch=0),
        r"^batch: expected an integer >= 1, got 0$",
    ),
    "momentum of one": (
        lambda: mx.theory.relaxation(TEACHER, STUDENT, lr=0.1, momentum=1.0),
        r"^momentum: expected a finite number >= 0 and < 1, got 1$",
    ),
    "learning rate is NaN": (
        lambda: mx.theory.slow_drift(TEACHER, STUDENT, GOOD, lr=np.nan, steps=3),
        r"^lr: expected a finite number > 0, got nan$",
    ),
    "learning rate is text": (
        lambda: mx.theory.entropic_flow(TEACHER, STUDENT, GOOD, lr="1", steps=3),
        r"^lr: expected a finite number > 0, got '1'$",
    ),
    "no steps": (
        lambda: mx.theory.entropic_flow(TEACHER, STUDENT, GOOD, lr=0.1, steps=0),
        r"^steps: expected an integer >= 1, got 0$",
    ),
    "steps go back": (
        lambda: mx.theory.entropic_flow(TEACHER, STUDENT, GOOD, lr=0.1, steps=[0, 5, 4]),
        r"^steps: expected increasing numbers >= 0, got \[0, 5, 4\]$",
    ),
    "replicas in the modified flow": (
        lambda: mx.theory.modified_flow(
            TEACHER, STUDENT, [np.ones((3, 2, 2)), np.ones((3, 2, 2))], lr=0.1, steps=3
        ),
        r"^modified_flow: expected one set of weights, got leading dimensions \(3,\); .+$",
    ),
    "unknown distribution": (
        lambda: mx.theory.random_minimum(TEACHER, STUDENT, distribution="uniform"),
        r"^distribution: expected one of 'lognormal', .+, got 'uniform'$",
    ),
    "spread of zero": (
        lambda: mx.theory.random_minimum(TEACHER, STUDENT, spread=0.0),
        r"^spread: expected a finite number > 0, got 0$",
    ),
    "projection from the origin": (
        lambda: mx.theory.project(TEACHER, STUDENT, [np.zeros((2, 2))] * 2),
        r"^projection onto the minima: expected to reach them, but 1 of 1 weight sets did not; .+$",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input(what) -> None:
    call, message = BAD[what]
    with pytest.raises(mx.MethexisError, match=message) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert "expected" in text


SIX = mx.Teacher.random(3, 3, seed=0)
CONDITIONS = {
    "signal": [(mx.Teacher(np.zeros((2, 2))), STUDENT, "squared", "rank >= 1, got rank 0")],
    "invertible input embedding": [
        (TEACHER, mx.EDLN((2,), embed_in=SINGULAR), "squared", "full column rank 2, got rank 1"),
        (TEACHER, mx.EDLN((2,), view=SINGULAR), "squared", "full column rank 2, got rank 1"),
        (
            TEACHER,
            mx.EDLN((2,), view=[[1.0, 0.0]]),
            "squared",
            r"full column rank 2, got rank 1 of shape \(1, 2\)",
        ),
    ],
    "invertible output embedding": [
        (TEACHER, mx.EDLN((2,), embed_out=SINGULAR), "squared", "full row rank 2, got rank 1"),
        (
            TEACHER,
            mx.EDLN((2,), embed_out=np.ones((2, 3))),
            "squared",
            r"full row rank 2, got rank 1 of shape \(2, 3\)",
        ),
    ],
    "width below rank": [
        (SIX, mx.EDLN((4, 2, 3)), "squared", "hidden width >= rank 3 of the target, got 2")
    ],
    "full-rank noise": [
        (
            mx.Teacher(np.eye(2), cov_noise=SINGULAR),
            STUDENT,
            "squared",
            "all 2 directions of the signal, got 1",
        ),
        (
            mx.Teacher(np.eye(2), cov_noise=np.zeros((2, 2))),
            STUDENT,
            "squared",
            "signal, got 0",
        ),
        (mx.Teacher(np.eye(2), cov_noise=SINGULAR), STUDENT, "whitened", "got rank 1 of 2"),
        (TEACHER, mx.EDLN((2,), view=mx.View(label_matrix=SINGULAR)), "whitened", "rank 1 of 2"),
    ],
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_are_named(condition) -> None:
    for source, student, loss, message in CONDITIONS[condition]:
        with pytest.raises(mx.ConditionError, match=message) as caught:
            mx.theory.platonic(source, student, loss=loss)
        assert caught.value.condition == condition
        assert str(caught.value).startswith(f"{condition}: ")
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, mx.MethexisError)


def test_minima_do_not_need_noise() -> None:
    """Only what a function needs is demanded: minima exist without noise, below the rank not."""
    silent = mx.Teacher(np.eye(2), cov_noise=np.zeros((2, 2)))
    weights = mx.theory.random_minimum(silent, STUDENT, seed=0)
    assert mx.theory.entropy(silent, STUDENT, weights) < 1e-25  # rounding, squared
    with pytest.raises(mx.ConditionError, match="width below rank"):
        mx.theory.random_minimum(SIX, mx.EDLN((2,)), seed=0)
    with pytest.raises(mx.ConditionError, match="width below rank"):
        mx.theory.balanced_minimum(SIX, mx.EDLN((2,)))


@given(value=st.integers(-(2**70), 2**70), least=st.integers(-5, 5))
def test_integer(value, least) -> None:
    if value >= least:
        assert checks.integer("n", value, least=least) == value
        assert type(checks.integer("n", np.int64(least), least=least)) is int
    else:
        with pytest.raises(checks.MethexisError, match=f"n: expected an integer >= {least}, got"):
            checks.integer("n", value, least=least)


@given(scale=st.floats(1e-150, 1e150), share=st.floats(1e-8, 1.0))
def test_covariances_are_judged_relative_to_their_size(scale, share) -> None:
    """The same shapes pass or fail at every scale, and nothing is repaired."""
    good = scale * np.array([[2.0, 1.0], [1.0, 2.0]])
    assert np.array_equal(checks.covariance("c", good, 2), good)
    skew = good + scale * share * np.array([[0.0, 1.0], [0.0, 0.0]])
    with pytest.raises(checks.MethexisError, match="symmetric"):
        checks.covariance("c", skew, 2)
    with pytest.raises(checks.MethexisError, match="negative eigenvalue"):
        checks.covariance("c", scale * np.diag([1.0, -share]), 2)
