"""Plans for the tests of the native engine, and two engines side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

import methexis as mx
from methexis.core.checks import Array
from methexis.training.engines.native import NativeEngine
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.engines.state import State
from methexis.training.plan import Plan, make_plan
from tests.native.extension import extension

TEACHER = mx.Teacher.random(dim_x=5, dim_y=4, condition_x=2.0, condition_noise=3.0, seed=1)
DATA = TEACHER.samples(37, seed=1)
#: Two students of different depth and odd widths, and two that fill the layout within networks.
NARROW = [
    mx.EDLN.random(TEACHER, hidden=(6, 7), seed=1),
    mx.EDLN.random(TEACHER, hidden=(9, 5, 6), seed=2),
]
WIDE = [
    mx.EDLN.random(TEACHER, hidden=(33, 40), seed=3),
    mx.EDLN.random(TEACHER, hidden=(41,), seed=4),
]
PRIVATE = [
    NARROW[0],
    mx.EDLN((6, 5), view=mx.View(np.eye(7), private_cov=np.array([[0.5, 0.1], [0.1, 0.3]]))),
]


def instruction_sets() -> list[str]:
    """Names of the instruction sets of this machine; skips without the extension."""
    return list(extension().instruction_sets())


def classes() -> mx.Samples:
    """Three classes of points in five dimensions."""
    x = np.random.default_rng(0).standard_normal((101, 5))
    return mx.Samples.classes(x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0))


def plan(students: Any = None, source: Any = None, optimiser: Any = None, **changes: Any) -> Plan:
    """A short run, with changes."""
    source = TEACHER if source is None else source
    settings: dict[str, Any] = {
        "steps": 70,
        "batch": 3,
        "sampling": "online" if isinstance(source, mx.Teacher) else "shuffle",
        "paired": True,
        "loss": "squared",
        "init": mx.init.gaussian(0.6),
        "replicas": 5,
        "seed": 3,
        "dtype": "float64",
        "record": [0],
        "engine": "auto",
        "threads": 2,
    }
    return make_plan(
        NARROW if students is None else students,
        source,
        mx.SGD(lr=0.004) if optimiser is None else optimiser,
        **(settings | changes),
    )


def arrays(state: State) -> list[Array]:
    """All arrays of a state that steps change."""
    found = [w for layers in state.weights for w in layers]
    found += [w for slots in state.slots for layers in slots for w in layers]
    return found + list(state.residual_cov)


def native_state(run: Plan, stops: list[int] | None = None, isa: str = "") -> State:
    """State of the native engine at the end, stopping on the way at ``stops``."""
    extension()
    engine = NativeEngine(run, instruction_set=isa)
    state = engine.start()
    for step in [*(stops or []), run.steps]:
        engine.advance(state, step)
    return state


def largest_difference(run: Plan, isa: str = "") -> tuple[float, float]:
    """Largest relative difference of the engines after one step, and over a whole run.

    Relative to the largest entry of the array; lost networks must be the same ones.
    """
    extension()
    native, reference = NativeEngine(run, instruction_set=isa), ReferenceEngine(run)
    ours, theirs = native.start(), reference.start()
    found = []
    for until in (*(stop for stop in (1, 13, 64) if stop < run.steps), run.steps):
        native.advance(ours, until)
        reference.advance(theirs, until)
        assert np.array_equal(ours.diverged_step, theirs.diverged_step)
        assert np.array_equal(ours.collapsed_step, theirs.collapsed_step)
        found.append(
            max(
                float(np.nanmax(np.abs(a - b)) / max(np.nanmax(np.abs(b)), 1e-300))
                for a, b in zip(arrays(ours), arrays(theirs), strict=True)
                if not np.isnan(b).all() and b.size
            )
            if not np.isnan(theirs.weights[0][0]).all()
            else 0.0
        )
    return found[0], max(found)
