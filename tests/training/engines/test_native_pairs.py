"""Every pair of settings of a run: the native engine against the reference engine.

What goes wrong with two settings together is seen in some row of a table in which every pair of
values occurs. Within a step, sums of a few dozen products are rounded in another order, which is
worth 16 units in the last place of the largest entry; errors of later steps add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.training.engines.native import within
from methexis.training.plan import Plan
from tests.training.covering import Choice, covering
from tests.training.native_plans import TEACHER, largest_difference, plan
from tests.training.variants import VARIANTS

STEPS = 30
ULPS_PER_STEP = 16
LAWS = ("gaussian", "uniform", "laplace", "student_t")
#: Widths of two students, and a batch. The names are those of the layouts of the kernels.
SHAPES: dict[str, tuple[Sequence[Sequence[int]], int]] = {
    "single samples": (((6, 7), (9, 5, 6)), 1),
    "across networks": (((6, 7), (9, 5, 6)), 3),
    "within networks": (((20, 24), (33,)), 19),
}
SCHEDULES = {
    "constant": mx.schedules.constant(),
    "cosine": mx.schedules.cosine(),
    "inverse time": mx.schedules.inverse_time(),
}
FACTORS: dict[str, Sequence[Any]] = {
    "optimiser": list(VARIANTS),
    # An embedded student is linear too, with frozen maps before and after its layers.
    "activation": ["embedded", "identity", "relu", "leaky_relu", "tanh", "gelu", "softplus"],
    "loss": ["squared", "whitened", "whitened_running", "cross_entropy"],
    "sampling": ["online", "replace", "shuffle", "full"],
    "law_x": LAWS,
    "law_noise": LAWS,
    "shape": list(SHAPES),
    "schedule": list(SCHEDULES),
    "bias": [False, True],
    "private": [False, True],
    "label_noise": [0.0, 0.3],
    "paired": [True, False],
    "dtype": ["float64", "float32"],
}
#: What cannot be: fresh samples and noise have no class probabilities, embedded students no biases
#: and here no private features, which data sets do not have either.
EXCLUDED = {
    ("loss", "cross_entropy"): [("sampling", "online"), ("label_noise", 0.3), ("private", True)],
    ("activation", "embedded"): [("bias", True), ("private", True)],
    ("private", True): [("sampling", s) for s in ("replace", "shuffle", "full")],
}


def excludes(x: Choice, y: Choice) -> bool:
    return y in EXCLUDED.get(x, ())


ROWS = covering(FACTORS, excludes)


def source_of(row: dict[str, Any]) -> mx.Teacher | mx.Samples:
    moments = (TEACHER.weight, TEACHER.cov_x, TEACHER.cov_noise)
    teacher = mx.Teacher(*moments, law_x=row["law_x"], law_noise=row["law_noise"])
    if row["sampling"] == "online":
        return teacher
    data = teacher.samples(37, seed=1)
    if row["loss"] != "cross_entropy":
        return data
    return mx.Samples.classes(data.x, (data.y[:, 0] > 0).astype(int) + (data.y[:, 1] > 0))


def plan_of(row: dict[str, Any]) -> Plan:
    source = source_of(row)
    hidden, batch = SHAPES[row["shape"]]
    students: list[mx.EDLN | mx.MLP] = []
    for seed, widths in enumerate(hidden):
        if row["activation"] == "embedded":
            students.append(mx.EDLN.random(source, hidden=widths, seed=seed))
            continue
        view = mx.View(np.eye(7), private_cov=np.array([[0.5, 0.1], [0.1, 0.3]]))
        students.append(
            mx.MLP(
                widths,
                activation=row["activation"],
                bias=row["bias"],
                view=view if row["private"] else None,
            )
        )
    rule = VARIANTS[row["optimiser"]]
    return plan(
        students,
        source,
        replace(rule, lr=0.003, schedule=SCHEDULES[row["schedule"]]),
        batch=batch,
        steps=STEPS,
        replicas=3,
        **{name: row[name] for name in ("loss", "sampling", "label_noise", "paired", "dtype")},
    )


def amplified(row: dict[str, Any]) -> float:
    """By how much a rule or a loss may multiply errors.

    Adam and RMSProp do by up to lr / eps where a moment is near zero, the running whitening by the
    condition number of the precision, about 30. Of these runs none comes near 30.
    """
    sensitive = row["optimiser"].startswith(("adam", "rmsprop"))
    return 30.0 if sensitive or row["loss"] == "whitened_running" else 1.0


def test_every_pair_is_there() -> None:
    for a, b in combinations(FACTORS, 2):
        found = {(row[a], row[b]) for row in ROWS}
        wanted = {
            (x, y)
            for x, y in product(FACTORS[a], FACTORS[b])
            if not excludes((a, x), (b, y)) and not excludes((b, y), (a, x))
        }
        assert found == wanted
    assert len(ROWS) <= 130  # 15 optimisers with 7 activations are 105


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(map(str, row.values())))
def test_pairs(row: dict[str, Any]) -> None:
    run = plan_of(row)
    if row["sampling"] != "full":  # whose batch is the data set, not that of the row
        assert within([p.dims for p in run.problems], run.batch) == (
            row["shape"] == "within networks"
        )
    unit = float(np.finfo(run.dtype).eps)
    first, whole = largest_difference(run)
    assert first <= amplified(row) * ULPS_PER_STEP * unit
    assert whole <= amplified(row) * ULPS_PER_STEP * STEPS * unit
