"""Steps of the reference engine against plain loops over replicas, samples and layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.checks import Array

STEPS = 24
BATCH = 3  # does not divide the seven samples: batches span epochs
REPLICAS = [0, 3]

OPTIMISERS = {
    "plain": mx.SGD(lr=0.005),
    "momentum": mx.SGD(lr=0.003, momentum=0.7),
    "decay": mx.SGD(lr=0.005, weight_decay=0.3),
    "all": mx.SGD(
        lr=0.005, momentum=0.5, weight_decay=0.2, schedule=mx.schedules.cosine(final=0.1)
    ),
    "l2": mx.SGD(lr=0.005, l2=0.3, weight_decay=0.2),
    "nesterov": mx.SGD(
        lr=0.003,
        momentum=0.7,
        nesterov=True,
        weight_decay=0.2,
        l2=0.3,
        schedule=mx.schedules.cosine(final=0.1),
    ),
    "adam": mx.Adam(lr=0.005, weight_decay=0.2, l2=0.3, schedule=mx.schedules.cosine(final=0.1)),
    "adamw": mx.AdamW(lr=0.005),
    "rmsprop": mx.RMSProp(lr=0.003, weight_decay=0.2, l2=0.3),
    "sign": mx.SignSGD(lr=0.003, weight_decay=0.2, l2=0.3),
    "sam": mx.SAM(lr=0.005, rho=0.1, weight_decay=0.2, l2=0.3),
    "inverse time": mx.SGD(lr=0.005, schedule=mx.schedules.inverse_time(final=0.2)),
}


def both(
    slow_sgd: Any, students: list[mx.EDLN], source: Any, optimiser: Any, **settings: Any
) -> tuple[list[list[Array]], list[list[Array]]]:
    """Final weights of the package and of the loops, (student, layer, (replica, out, in))."""
    dtype = settings.pop("dtype", "float64")
    seed = 20250701
    run = mx.train(
        students, source, optimiser, steps=STEPS, batch=BATCH, replicas=REPLICAS, seed=seed,
        record=[0], dtype=dtype, **settings,
    )  # fmt: skip
    expected = []
    for k, student in enumerate(students):
        ends = []
        for r, replica in enumerate(REPLICAS):
            start = [np.asarray(w[0, r], dtype=np.float64) for w in run.snapshots(k)]
            slow = slow_sgd(
                student, source, optimiser, start, steps=STEPS, batch=BATCH, number=k,
                replica=replica, seed=seed, **settings,
            )  # fmt: skip
            for _ in range(STEPS):
                slow.step()
            ends.append(slow.weights)
        expected.append([np.stack(layer) for layer in zip(*ends, strict=True)])
    return run.weights, expected


def assert_equal(found: list[list[Array]], expected: list[list[Array]], rtol: float) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        for w, e in zip(mine, theirs, strict=True):
            assert np.abs(w - e).max() <= rtol * np.abs(e).max()


# The same sums in another order: about 10² roundings of 2⁻⁵³ per step and 24 steps give 3e-13; one
# order is left for growth of differences along the path. A wrong term is of order η = 5e-3.
ROUNDING = 3e-12
# The same count with 2⁻²⁴ would be 1e-4; a wrong term is still a hundred times larger.
ROUNDING_SINGLE = 1e-4


@pytest.mark.parametrize("loss", ["squared", "whitened"])
@pytest.mark.parametrize("sampling", ["online", "replace", "shuffle", "full"])
@pytest.mark.parametrize("optimiser", OPTIMISERS.values(), ids=OPTIMISERS)
def test_step(
    slow_sgd: Any,
    students: list[mx.EDLN],
    teacher: mx.Teacher,
    data: mx.Samples,
    optimiser: Any,
    sampling: str,
    loss: str,
) -> None:
    source = data if sampling in ("replace", "shuffle") else teacher
    assert_equal(
        *both(slow_sgd, students, source, optimiser, sampling=sampling, loss=loss), ROUNDING
    )


@pytest.mark.parametrize("sampling", ["online", "replace", "shuffle"])
def test_unpaired(
    slow_sgd: Any,
    students: list[mx.EDLN],
    teacher: mx.Teacher,
    data: mx.Samples,
    sampling: str,
) -> None:
    source = teacher if sampling == "online" else data
    settings = {"sampling": sampling, "paired": False}
    found, expected = both(slow_sgd, students, source, OPTIMISERS["plain"], **settings)
    assert_equal(found, expected, ROUNDING)
    settings["paired"] = True
    paired, _ = both(slow_sgd, students, source, OPTIMISERS["plain"], **settings)
    assert np.array_equal(paired[0][0], found[0][0])  # student 0 has the shared stream
    assert not np.allclose(paired[1][0], found[1][0], rtol=1e-3)  # student 1 has its own


@pytest.mark.parametrize(
    ("law_x", "law_noise"), [("uniform", "student_t"), ("gaussian", "laplace")]
)
def test_laws(slow_sgd: Any, students: list[mx.EDLN], law_x: str, law_noise: str) -> None:
    teacher = mx.Teacher.random(
        3, 2, noise=0.5, condition_x=3.0, condition_noise=4.0, law_x=law_x, law_noise=law_noise,
        seed=1,
    )  # fmt: skip
    assert_equal(
        *both(slow_sgd, students, teacher, OPTIMISERS["plain"], sampling="online"), ROUNDING
    )


def test_full_gradient_of_a_data_set(
    slow_sgd: Any, students: list[mx.EDLN], data: mx.Samples
) -> None:
    assert_equal(*both(slow_sgd, students, data, OPTIMISERS["all"], sampling="full"), ROUNDING)


@pytest.mark.parametrize("loss", ["squared", "whitened"])
@pytest.mark.parametrize("sampling", ["online", "full"])
@pytest.mark.parametrize("paired", [True, False])
def test_private_features_and_label_matrices(
    slow_sgd: Any, teacher: mx.Teacher, sampling: str, loss: str, paired: bool
) -> None:
    generator = np.random.default_rng(5)
    private = np.array([[1.0, 0.3], [0.3, 0.5]])
    students = [
        mx.EDLN(
            hidden=(4, 3),
            view=mx.View(
                generator.standard_normal((4, 5)),  # sees four mixtures of 3 + 2 features
                private_cov=private,
                label_matrix=[[1.0, 0.5], [-0.5, 2.0]],
            ),
        ),
        mx.EDLN(hidden=(3,), view=mx.View(private_cov=private)),
        mx.EDLN(hidden=(3,), view=mx.View(label_matrix=[[1.0, 1.0]])),
    ]
    settings = {"sampling": sampling, "loss": loss, "paired": paired}
    assert_equal(*both(slow_sgd, students, teacher, OPTIMISERS["all"], **settings), ROUNDING)


def test_private_features_differ_between_students_of_a_paired_run(teacher: mx.Teacher) -> None:
    student = mx.EDLN(hidden=(4, 3), view=mx.View(private_cov=[[1.0]]))
    generator = np.random.default_rng(0)
    start = [generator.standard_normal(s) for s in ((4, 4), (3, 4), (2, 3))]
    run = mx.train(
        [student, student], teacher, mx.SGD(lr=0.01), steps=3, init=[start, start], record=[3]
    )
    assert not np.allclose(run.weights[0][0], run.weights[1][0], rtol=1e-6)


@pytest.mark.parametrize("sampling", ["online", "replace", "shuffle", "full"])
def test_single_precision(
    slow_sgd: Any,
    students: list[mx.EDLN],
    teacher: mx.Teacher,
    data: mx.Samples,
    sampling: str,
) -> None:
    source = data if sampling in ("replace", "shuffle") else teacher
    settings = {"sampling": sampling, "dtype": "float32"}
    found, expected = both(slow_sgd, students, source, OPTIMISERS["all"], **settings)
    assert found[0][0].dtype == np.float32
    assert_equal(found, expected, ROUNDING_SINGLE)
    double, _ = both(slow_sgd, students, source, OPTIMISERS["all"], sampling=sampling)
    assert not np.array_equal(double[0][0], found[0][0])  # the steps were in single precision
