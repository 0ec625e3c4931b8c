"""The laws of the charges along paths of the native engine, in each layout of its kernels.

As `test_charge_law` has them, in tables in which every pair of settings occurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.core.layers.charges import conserved_part
from methexis.training.engines.native import NativeEngine, within
from tests.native.extension import extension
from tests.training.charge_paths import EXACT, RULES, SETTINGS, by_law, follow, worst
from tests.training.covering import covering
from tests.training.laws import Law
from tests.training.perceptron import SLOPES

#: Hidden widths, batch and size of the weights at the start.
SHAPES: dict[str, tuple[Sequence[int], int, float]] = {
    "single samples": ((4, 3), 1, 0.6),
    "across networks": ((4, 3), 3, 0.6),
    "within networks": ((20, 21), 9, 0.2),
}


def deviation(
    slow_sgd: Any, student: Any, source: Any, row: dict[str, Any], part: str | None, **setting: Any
) -> float:
    """Largest deviation from the law along the path of a student of that shape."""
    extension()
    hidden, batch, scale = SHAPES[row["shape"]]
    widths = (source.dim_x, *hidden, source.dim_y)
    assert within([widths], batch) == (row["shape"] == "within networks")
    rule, bias = RULES[row["rule"]], row.get("bias", False)
    steps = follow(
        slow_sgd, student, source, rule, engine=NativeEngine, batch=batch, scale=scale, **setting
    )
    predicted = by_law(Law(rule, steps[0][0].weights, bias=bias), steps)
    return worst(steps, predicted, bias=bias, part=part)


def name_of(row: dict[str, Any]) -> str:
    return "-".join(map(str, row.values()))


@pytest.mark.parametrize(
    "row",
    covering({"rule": RULES, "setting": SETTINGS, "shape": SHAPES}, lambda x, y: False),
    ids=name_of,
)
def test_law(slow_sgd: Any, teacher: mx.Teacher, row: dict[str, Any]) -> None:
    """(2.8), (2.9), (2.10), (2.16), whatever the samples, the noise and the loss."""
    setting = SETTINGS[row["setting"]]
    source = teacher if setting["sampling"] == "online" else teacher.samples(11, seed=2)
    hidden = SHAPES[row["shape"]][0]
    student = mx.EDLN.random(source, hidden=hidden, condition=2.0, seed=3)
    assert deviation(slow_sgd, student, source, row, None, **setting) < EXACT


@pytest.mark.parametrize(
    "row",
    covering(
        {
            "rule": RULES,
            "activation": [name for name in SLOPES if conserved_part(name) is not None],
            "shape": SHAPES,
            "bias": [False, True],
            "loss": ["squared", "cross_entropy"],
        },
        lambda x, y: False,
    ),
    ids=name_of,
)
def test_law_with_biases_and_activations(slow_sgd: Any, row: dict[str, Any]) -> None:
    """The same with (2.14): all of it, or on the diagonal only."""
    generator = np.random.default_rng(3)
    x, y = generator.standard_normal((11, 3)), generator.standard_normal((11, 2))
    if row["loss"] == "cross_entropy":
        y = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    activation = row["activation"]
    student = mx.MLP(hidden=SHAPES[row["shape"]][0], activation=activation, bias=row["bias"])
    part = conserved_part(activation)
    found = deviation(
        slow_sgd, student, mx.Samples(x, y), row, part, sampling="shuffle", loss=row["loss"]
    )
    assert found < EXACT
