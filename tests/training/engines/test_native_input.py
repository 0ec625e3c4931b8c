"""Bad input to the extension: refused in one sentence, before anything is touched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.training.engines.native import NativeEngine, _config, _student
from tests.native.extension import extension
from tests.training.native_plans import DATA, NARROW, TEACHER, plan


def parts(**changes: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    run = plan(**changes)
    return _config(run), [_student(run, k) for k in range(2)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_networks", 0),
        ("num_networks", "5"),
        ("batch", -1),
        ("batch", 2**40),
        ("sampling", 9),
        ("loss", 3),
        ("optimiser", 7),
        ("hyper", np.zeros((8, 4))),
        ("hyper", np.zeros((8, 5), dtype=np.float32)),
        ("hyper", np.zeros((8, 10))[:, ::2]),
        ("hyper", None),
        ("hyper", [[0.0] * 5] * 8),
        ("sample_keys", None),
        ("sample_keys", []),
        ("sample_keys", [np.zeros((5, 3), np.uint32)] * 2),
        ("upper", np.zeros((1, 5))),
        ("ridge", "small"),
    ],
)
def test_config(name: str, value: Any) -> None:
    config, students = parts()
    with pytest.raises((ValueError, TypeError), match=rf"^{name}: expected"):
        extension().Engine(config | {name: value}, students)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dims", [5]),
        ("dims", [5, 0, 7, 4]),
        ("dims", [5] * 200),
        ("bias", 2),
        ("activation", 6),
        ("input_map", None),
        ("input_map", np.zeros((5, 5))),
        ("label_map", np.zeros((4, 9), dtype=np.float32)),
        ("curvature", None),
    ],
)
def test_student(name: str, value: Any) -> None:
    config, students = parts()
    with pytest.raises((ValueError, TypeError), match=rf"^{name}: expected"):
        extension().Engine(config, [students[0] | {name: value}, students[1]])


def test_missing_entries() -> None:
    config, students = parts()
    for name in config:
        with pytest.raises(ValueError, match=rf"^{name}: expected a value, got none"):
            extension().Engine({k: v for k, v in config.items() if k != name}, students)
    with pytest.raises(ValueError, match="students: expected at least one"):
        extension().Engine(config, [])
    config, students = parts(source=DATA)
    with pytest.raises(ValueError, match="inputs: expected"):
        extension().Engine(config, [s | {"inputs": None} for s in students])


def test_advance() -> None:
    run = plan()
    config, students = parts()
    engine = extension().Engine(config, students)
    state = NativeEngine(run).start()
    weights = [w for layers in state.weights for w in layers]
    none, factors = np.full(5, -1), np.ones(3)
    good: dict[str, Any] = {
        "first_step": 0,
        "factors": factors,
        "weights": weights,
        "slots": [],
        "residual_cov": [],
        "diverged": none,
        "collapsed": none.copy(),
        "threads": 1,
    }
    read_only = weights[0].copy()
    read_only.flags.writeable = False
    bad: list[tuple[str, Any]] = [
        ("weights", weights[:-1]),
        ("weights", [weights[0].astype(np.float32), *weights[1:]]),
        ("weights", [np.asfortranarray(weights[0]), *weights[1:]]),
        ("weights", [weights[0][:, :, :-1], *weights[1:]]),
        ("weights", [read_only, *weights[1:]]),
        ("weights", [[1.0], *weights[1:]]),
        ("slots", [weights[0]]),
        ("diverged", np.full(4, -1)),
        ("diverged", np.full(5, -1, dtype=np.int32)),
        ("threads", 0),
        ("factors", np.ones(0)),
        ("factors", np.ones(71)),
    ]
    before = [w.copy() for w in weights]
    for name, value in bad:
        with pytest.raises((ValueError, TypeError), match=rf"^{name}: expected"):
            engine.advance(**(good | {name: value}))
    for first_step in (-1, 68, 2**63 - 1):
        with pytest.raises(ValueError, match=r"^factors: expected"):
            engine.advance(**(good | {"first_step": first_step}))
    assert all(np.array_equal(w, b) for w, b in zip(weights, before, strict=True))
    engine.advance(**good)
    assert not np.array_equal(weights[0], before[0])


def test_sizes_beyond_memory() -> None:
    with pytest.raises(mx.MethexisError, match=r"memory: expected .* GiB"):
        mx.train(NARROW, TEACHER, mx.SGD(lr=0.01), steps=1, replicas=10**9, engine="native")


def test_unknown_lanes() -> None:
    config, students = parts()
    with pytest.raises(ValueError, match=r"^lanes: expected one of 0, .*2, got 3"):
        extension().Engine(config, students, lanes=3)
    with pytest.raises(ValueError, match=r"^lanes: expected one of 0, 1, got 2"):
        extension().Engine(config | {"within": 1}, students, lanes=2)


def test_unknown_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    extension()
    monkeypatch.setenv("METHEXIS_ISA", "mmx")
    with pytest.raises(mx.MethexisError, match=r"METHEXIS_ISA: expected one of .* got 'mmx'"):
        mx.train(NARROW, TEACHER, mx.SGD(lr=0.01), steps=1, engine="native")
