"""The native engine against the reference engine, step by step.

Both compute the same numbers in another order. One step from equal weights rounds sums of a few
dozen products, so the engines differ by a few units in the last place: 64 are allowed. Over 70
steps these errors are carried along by maps that neither grow nor shrink much, so 70 times as many
are, and more where a rule divides by small numbers (Adam, RMSProp).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.training.engines.native import within
from methexis.training.optimisers import UpdateRule
from tests.training.native_plans import (
    DATA,
    NARROW,
    PRIVATE,
    TEACHER,
    WIDE,
    classes,
    instruction_sets,
    largest_difference,
    native_state,
    plan,
)
from tests.training.variants import VARIANTS

ULPS_PER_STEP = 64
#: Rules that divide by a moment: where it is near zero, a rounding error of the gradient is
#: amplified by up to lr / eps.
SENSITIVE = ("adam", "rmsprop")


def check(run: Any, isa: str = "", *, amplified: float = 1.0) -> None:
    unit = float(np.finfo(run.dtype).eps)
    first, whole = largest_difference(run, isa)
    assert first <= amplified * ULPS_PER_STEP * unit
    assert whole <= amplified * ULPS_PER_STEP * run.steps * unit


def gentle(rule: UpdateRule) -> UpdateRule:
    """The rule at a learning rate at which nothing is lost."""
    return replace(rule, lr=0.003)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch", [1, 3, 33])
@pytest.mark.parametrize("name", VARIANTS)
def test_optimisers(name: str, batch: int, dtype: str) -> None:
    students = WIDE if batch == 33 else NARROW
    run = plan(students, optimiser=gentle(VARIANTS[name]), batch=batch, dtype=dtype)
    assert within([p.dims for p in run.problems], batch) == (batch == 33)
    check(run, amplified=1e3 if name.startswith(SENSITIVE) else 1.0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch", [1, 3, 33])
def test_sam_where_squares_of_gradients_underflow(batch: int, dtype: str) -> None:
    """Weights of 1e-12 have gradients of 1e-24, whose squares are no numbers of float32."""
    students = WIDE[:1] if batch == 33 else NARROW[:1]
    run = plan(
        students,
        optimiser=mx.SAM(lr=0.003),
        init=mx.init.gaussian(1e-12),
        batch=batch,
        dtype=dtype,
        steps=1,
    )
    check(run)
    # The point uphill is 0.05 away, so the step is far longer than the weights.
    assert max(np.abs(w).max() for w in native_state(run).weights[0]) > 1e-9


@pytest.mark.parametrize("batch", [1, 2, 5, 16, 32, 37])
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("sampling", ["shuffle", "replace", "full"])
@pytest.mark.parametrize("students", [NARROW, WIDE], ids=["narrow", "wide"])
def test_samplings(students: list[mx.EDLN], sampling: str, paired: bool, batch: int) -> None:
    check(plan(students, DATA, batch=batch, sampling=sampling, paired=paired, steps=66))


@pytest.mark.parametrize("batch", [1, 2, 7, 16, 40])
@pytest.mark.parametrize("paired", [True, False])
def test_online(paired: bool, batch: int) -> None:
    for students in (NARROW, WIDE, PRIVATE):
        check(plan(students, batch=batch, paired=paired))


def test_exact_gradient_of_a_teacher() -> None:
    check(plan(PRIVATE, sampling="full"))


@pytest.mark.parametrize("law", ["gaussian", "uniform", "laplace", "student_t"])
@pytest.mark.parametrize("batch", [1, 4, 32])
def test_laws(law: str, batch: int) -> None:
    moments = (TEACHER.weight, TEACHER.cov_x, TEACHER.cov_noise)
    for laws in ({"law_x": law}, {"law_noise": law}):
        for students in (NARROW, WIDE):
            # Tails of Student's law: a power of a small uniform number, a few roundings more.
            check(plan(students, mx.Teacher(*moments, **laws), batch=batch), amplified=8.0)


@pytest.mark.parametrize("batch", [1, 4, 33])
@pytest.mark.parametrize("source", [TEACHER, DATA], ids=["online", "shuffle"])
def test_label_noise(source: Any, batch: int) -> None:
    students = WIDE if batch == 33 else NARROW
    check(plan(students, source, batch=batch, label_noise=0.3))
    if source is DATA:
        check(plan(students, source, sampling="full", label_noise=0.3))


@pytest.mark.parametrize("batch", [1, 4, 33])
@pytest.mark.parametrize("loss", ["whitened", "whitened_running"])
def test_whitened_losses(loss: str, batch: int) -> None:
    students = WIDE if batch == 33 else NARROW
    for optimiser in (mx.SGD(lr=0.002), mx.SAM(lr=0.002, rho=0.1)):
        # The precision of the residuals multiplies errors by its condition number, here about 30.
        check(plan(students, optimiser=optimiser, batch=batch, loss=loss), amplified=30.0)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "activation", ["identity", "relu", "leaky_relu", "tanh", "gelu", "softplus"]
)
def test_activations_and_losses(activation: str, bias: bool) -> None:
    narrow = [
        mx.MLP((6, 7), activation=activation, bias=bias),
        mx.MLP((9, 5), activation=activation),
    ]
    wide = [mx.MLP((32, 40), activation=activation, bias=bias)]
    data = classes()
    for dtype in ("float64", "float32"):
        for students in (narrow, wide):
            for batch in (1, 3, 32):
                check(plan(students, batch=batch, dtype=dtype))
                check(plan(students, data, batch=batch, dtype=dtype, loss="cross_entropy"))
    check(plan(wide, data, sampling="full", loss="cross_entropy"))


def test_cross_entropy_behind_an_embedding() -> None:
    data = classes()
    check(plan([mx.EDLN.random(data, hidden=(6,), seed=1)], data, loss="cross_entropy"))


@pytest.mark.parametrize("schedule", [mx.schedules.cosine(), mx.schedules.inverse_time()])
def test_schedules(schedule: Any) -> None:
    check(plan(optimiser=mx.SGD(lr=0.005, schedule=schedule)))
    check(plan(optimiser=mx.Adam(lr=0.005, schedule=schedule), batch=1), amplified=1e3)


def test_every_instruction_set() -> None:
    for isa in instruction_sets():
        for dtype in ("float64", "float32"):
            for students, batch in ((NARROW, 1), (NARROW, 3), (WIDE, 19)):
                check(plan(students, batch=batch, dtype=dtype), isa)


@pytest.mark.parametrize("lr", [0.4, 3.0])
def test_lost_networks(lr: float) -> None:
    """Networks diverge at the same steps; those that do not still agree."""
    for batch in (1, 3):
        run = plan(optimiser=mx.SGD(lr=lr), batch=batch, steps=200)
        largest_difference(run)  # asserts that the same networks are lost at the same steps
    collapsing = plan(optimiser=mx.SGD(lr=0.05, weight_decay=19.0), batch=1, steps=200)
    largest_difference(collapsing)
