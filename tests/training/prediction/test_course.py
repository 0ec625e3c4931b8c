"""Which path theory draws: every optimiser, sampling, loss and kind of student, and label noise."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.training.optimisers import RULES, Optimiser
from methexis.training.plan import Plan, make_plan
from methexis.training.prediction.course import Course, course_of
from methexis.training.prediction.setting import Setting
from tests.training.variants import VARIANTS

TEACHER = mx.Teacher([[1.0, 1.0], [0.0, 0.5]], cov_noise=[[0.04, 0.0], [0.0, 1.0]])
DATA = TEACHER.product_samples(num_x=2, num_noise=3, seed=0)
#: Of cross entropy: every row has a single 1.
CLASSES = mx.Samples.classes(DATA.x, [0, 1, 0, 1, 1, 0])
OPTIMISERS: dict[str, Optimiser] = {**VARIANTS, "flow": mx.GradientFlow(lr=0.1)}
STUDENTS: dict[str, mx.EDLN | mx.MLP] = {
    "EDLN": mx.EDLN((3, 2)),
    "linear MLP": mx.MLP((3,), activation="identity", bias=False),
    "biases": mx.MLP((3,), activation="identity", bias=True),
    "relu": mx.MLP((3,), activation="relu", bias=False),
}
SAMPLINGS = ("online", "replace", "shuffle", "full")
LOSSES = ("squared", "whitened", "whitened_running", "cross_entropy")
NOISES = (0.0, 0.3)


def planned(optimiser: str, sampling: str, loss: str, student: str, noise: float) -> Plan | None:
    """A plan, or None where a run refuses it."""
    online = sampling == "online" or optimiser == "flow"
    source = TEACHER if online else CLASSES if loss == "cross_entropy" else DATA
    try:
        return make_plan(
            STUDENTS[student], source, OPTIMISERS[optimiser], steps=8, batch=1, sampling=sampling,
            loss=loss, init=mx.init.gaussian(), replicas=1, seed=0, label_noise=noise,
        )  # fmt: skip
    except mx.MethexisError:
        return None


def said(plan: Plan) -> Course:
    setting = Setting.of(plan.describe(), plan.source)
    return course_of(plan.problems[0], setting)


def expected(optimiser: str, sampling: str, loss: str, student: str, noise: float) -> str:
    """The name of the path, or a part of the reason why there is none: the table of the theory."""
    if student not in {"EDLN", "linear MLP"}:
        return "a student without activation function and biases"
    if loss == "cross_entropy":
        return "the loss 'squared' or 'whitened'"
    if optimiser == "flow":
        return "gradient flow has no noise"
    exact = sampling == "full" and noise == 0.0
    if optimiser.startswith(("adam", "rmsprop")):
        return expected_of_adaptive(optimiser, sampling, loss, noise)
    if not optimiser.startswith(("sgd", "heavy ball", "nesterov")):
        return "does not keep the charges" if exact else "theory follows SGD, Adam and RMSProp"
    if exact:
        return "only weight decay moves" if "decays" in optimiser else "descent is gradient flow"
    if loss == "whitened_running" and sampling in {"shuffle", "full"}:
        return "a metric that is estimated while training"
    if sampling in {"online", "replace"}:
        # DATA have noise that does not depend on inputs, of which a data set itself knows nothing.
        isotropic = (
            sampling == "online" and loss != "squared" and not (noise and loss == "whitened")
        )
        return "entropic flow" if isotropic else "slow drift"
    if sampling == "full":
        return "slow drift"
    return "entropic flow and slow drift" if noise else "entropic flow"


def expected_of_adaptive(optimiser: str, sampling: str, loss: str, noise: float) -> str:
    """The same of Adam, AdamW and RMSProp."""
    if sampling == "full" and noise == 0.0:
        return "does not keep the charges"
    if sampling == "shuffle" and noise:
        return "not both at once"
    if "decays" in optimiser:  # these have L2
        return "decoupled weight decay alone"
    if sampling == "shuffle" and optimiser.startswith("adam"):
        return "the memory β1 = 0.9 averages about 10 steps"  # of epochs of 6
    if loss == "whitened_running":
        in_epochs = "a metric that is estimated while training"
        return in_epochs if sampling in {"shuffle", "full"} else "a metric that stands still"
    return "adaptive flow" if sampling == "shuffle" else "adaptive drift"


def test_every_plan_has_a_path_or_a_reason() -> None:
    seen: Counter[str] = Counter()
    for case in product(OPTIMISERS, SAMPLINGS, LOSSES, STUDENTS, NOISES):
        plan = planned(*case)
        if plan is None:
            continue
        course = said(plan)
        wanted = expected(*case)
        told = course.name if course.velocity else course.reason
        seen[wanted] += 1
        assert (course.velocity is None) == bool(course.reason), case
        assert bool(course.name) == bool(course.because) == (course.velocity is not None), case
        if course.velocity is None:
            assert wanted in told, (case, told)
            assert "\n" not in told
            assert not told.endswith(".")
        else:
            assert told == wanted, (case, told)
    # Every line of the table was asked for, and most of what can be combined can be trained.
    assert len(seen) == 17, seen
    assert min(seen.values()) >= 2, seen
    assert sum(seen.values()) > 800, seen


def test_the_walk_knows_every_optimiser() -> None:
    assert {type(rule).__name__ for rule in OPTIMISERS.values()} == RULES.keys() | {"GradientFlow"}


def course(optimiser: mx.SGD, student: mx.EDLN, source: mx.Samples, **rest: Any) -> Course:
    settings: dict[str, Any] = {"batch": 1, "sampling": "shuffle", "steps": 8, **rest}
    plan = make_plan(
        student, source, optimiser, init=mx.init.gaussian(), replicas=1, seed=0, **settings
    )
    return said(plan)


def test_a_batch_of_all_samples_has_no_noise() -> None:
    none = course(mx.SGD(lr=0.1), mx.EDLN((2,)), DATA, batch=6)
    assert "a batch of all 6 samples has no noise" in none.reason
    noisy = course(mx.SGD(lr=0.1), mx.EDLN((2,)), DATA, batch=6, label_noise=0.1)
    assert noisy.velocity is not None


@pytest.mark.parametrize(("momentum", "refused"), [(0.5, False), (0.9, True)])
def test_momentum_must_not_remember_more_than_an_epoch(momentum: float, refused: bool) -> None:
    """Six steps of an epoch are more than two and fewer than ten."""
    found = course(mx.SGD(lr=0.1, momentum=momentum), mx.EDLN((2,)), DATA)
    assert (found.velocity is None) == refused
    assert ("remembers about 10 steps" in found.reason) == refused


def test_a_student_that_is_too_narrow_needs_gaussian_inputs() -> None:
    narrow = mx.EDLN((1,))
    assert "if they are Gaussian" in course(mx.SGD(lr=0.1), narrow, DATA).reason
    laws = {"gaussian": "slow drift", "laplace": ""}
    for law, name in laws.items():
        teacher = mx.Teacher(TEACHER.weight, law_x=law)
        plan = make_plan(
            narrow, teacher, mx.SGD(lr=0.1), steps=8, batch=1, sampling="online",
            init=mx.init.gaussian(), replicas=1, seed=0,
        )  # fmt: skip
        assert said(plan).name == name


def test_nothing_to_learn_is_a_reason() -> None:
    nothing = mx.Samples(DATA.x, np.zeros_like(DATA.y))
    assert (
        "a student that sees some signal" in course(mx.SGD(lr=0.1), mx.EDLN((2,)), nothing).reason
    )


def test_sam_without_a_radius_is_sent_to_sgd() -> None:
    plan = make_plan(
        mx.EDLN((2,)), TEACHER, mx.SAM(lr=0.1, rho=0.0), steps=8, batch=1, sampling="online",
        init=mx.init.gaussian(), replicas=1, seed=0,
    )  # fmt: skip
    assert said(plan).reason.startswith("SAM with rho 0 takes the steps of SGD")
