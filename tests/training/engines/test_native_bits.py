"""What the bits of the native engine do not depend on, and what its streams are."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import methexis as mx
from methexis.core.random.streams import Stream, normals, permutations
from methexis.training import extension as loaded
from methexis.training.engines import native
from methexis.training.engines.state import State
from methexis.training.plan import Plan
from tests.native.extension import extension
from tests.training.native_plans import (
    DATA,
    NARROW,
    TEACHER,
    WIDE,
    arrays,
    instruction_sets,
    native_state,
    plan,
)
from tests.training.variants import VARIANTS

RUNS: dict[str, dict[str, Any]] = {
    "single samples": {"batch": 1},
    "batch": {"batch": 3},
    "within": {"students": WIDE, "batch": 19},
    "shuffle": {"source": DATA, "batch": 5},
    "shuffle within": {"students": WIDE, "source": DATA, "batch": 16},
    "float32": {"batch": 3, "dtype": "float32"},
    "adam": {"optimiser": mx.Adam(lr=0.003), "batch": 2},
    "running": {"loss": "whitened_running", "batch": 2},
    "unpaired": {"paired": False},
}
every_run = pytest.mark.parametrize("name", RUNS)


def equal(a: State, b: State) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(arrays(a), arrays(b), strict=True))


@every_run
def test_threads(name: str) -> None:
    states = [native_state(plan(**RUNS[name], replicas=13, threads=n)) for n in (1, 2, 3, 16)]
    assert all(equal(states[0], state) for state in states[1:])


@every_run
def test_cuts(name: str) -> None:
    run = plan(**RUNS[name])
    whole = native_state(run)
    assert equal(whole, native_state(run, [1, 2, 3, 30, 63, 65]))
    assert equal(whole, native_state(run, list(range(1, 70))))


@every_run
def test_a_replica_alone(name: str) -> None:
    """Eleven networks do not fill blocks of eight: every lane and width of block occurs."""
    whole = native_state(plan(**RUNS[name], replicas=11))
    for replica in (0, 3, 10):
        alone = native_state(plan(**RUNS[name], replicas=[replica]))
        for x, y in zip(arrays(whole), arrays(alone), strict=True):
            assert np.array_equal(x[replica], y[0])


def lanes_of(run: Plan) -> list[int]:
    """Numbers of networks that a block may have: vectors of 16 bytes to the widest."""
    widest = {"avx512": 64, "avx2": 32}.get(extension().instruction_set(), 16)
    return [b // np.dtype(run.dtype).itemsize for b in (16, 32, 64) if b <= widest]


@pytest.mark.parametrize("name", ["single samples", "batch", "float32", "adam"])
def test_lanes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    extension()
    run = plan(**RUNS[name], replicas=9)
    expected = native_state(run)
    made = loaded.Engine
    for lanes in lanes_of(run):
        monkeypatch.setattr(
            native.extension, "Engine", lambda *a, n=lanes, **k: made(*a, **k, lanes=n)
        )
        assert equal(expected, native_state(run))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_cell_alone(name: str) -> None:
    rule = VARIANTS[name]
    rates, decays = [0.002, 0.004], [0.0, 0.1]
    both = {
        "lr": xr.DataArray(rates, dims="lr"),
        "weight_decay": xr.DataArray(decays, dims="weight_decay"),
    }
    for batch in (1, 3):
        whole = native_state(plan(optimiser=replace(rule, **both), batch=batch, replicas=2))
        for cell, (lr, decay) in enumerate(itertools.product(rates, decays)):
            single = replace(rule, lr=lr, weight_decay=decay)
            alone = native_state(plan(optimiser=single, batch=batch, replicas=2))
            for x, y in zip(arrays(whole), arrays(alone), strict=True):
                assert np.array_equal(x[2 * cell : 2 * cell + 2], y)


@pytest.mark.parametrize("name", ["single samples", "batch", "within"])
def test_lost_neighbours(name: str) -> None:
    """A network whose neighbours in the block are lost has the bits that it has alone."""
    changes = {key: value for key, value in RUNS[name].items() if key != "optimiser"}
    rates = xr.DataArray([1e4, 0.003, 1e4], dims="lr")
    whole = native_state(plan(**changes, optimiser=mx.SGD(lr=rates), replicas=3, steps=200))
    alone = native_state(plan(**changes, optimiser=mx.SGD(lr=0.003), replicas=3, steps=200))
    assert whole.diverged_step.tolist() == [64] * 3 + [-1] * 3 + [64] * 3
    for x, y in zip(arrays(whole), arrays(alone), strict=True):
        assert np.array_equal(x[3:6], y)
        assert np.isnan(x[:3]).all()


def test_orders_are_those_of_the_streams() -> None:
    key = Stream(seed=5, replica=2, stream=2).key
    for count in (1, 2, 3, 64, 1000, 5000):
        expected = permutations(key, first_epoch=7, num_epochs=1, num_samples=count)[0, 0]
        for isa in instruction_sets():
            found = extension().order(*map(int, key[0]), 7, count, isa)
            assert np.array_equal(found, expected)


def test_normals_are_those_of_the_streams() -> None:
    """To 1e-14: the Python streams round an angle of up to 2 pi, |z| < 7; see `normals` there.

    In units in the last place of the larger of a pair, which is at least r / sqrt 2: the rounded
    angle contributes r times half a unit of 2 pi, 4.4e-16, radius, sine, cosine and product about
    as much again, so sqrt 2 (4.4 + 4.4) / 1.1, less than 12.
    """
    key = Stream(seed=1).key
    count = 100_000
    expected = normals(key, first_step=2**33 + 1, num_steps=1, num_normals=count)[0, 0]
    for isa in instruction_sets():
        found = extension().normals(*map(int, key[0]), 2**33 + 1, count, isa)
        assert np.abs(found - expected).max() <= 1e-14
        larger = np.abs(expected).reshape(-1, 2).max(axis=1).repeat(2)
        assert (np.abs(found - expected) / np.spacing(larger)).max() <= 12.0


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


def test_instruction_sets_are_recorded_and_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = instruction_sets()
    if len(names) < 2:
        pytest.skip("this machine has one instruction set")
    teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
    student = mx.EDLN.random(teacher, hidden=(4,), seed=1)

    def trained_with(name: str, *, elsewhere: bool = False) -> str:
        monkeypatch.setenv("METHEXIS_ISA", name)
        run = mx.train(
            student, teacher, mx.SGD(lr=0.01), steps=50, checkpoint=tmp_path / "c.npz",
            resume_elsewhere=elsewhere,
        )  # fmt: skip
        return str(run.provenance["made_with"]["instruction_set"])

    assert trained_with(names[-1]) == names[-1]
    with pytest.raises(mx.MethexisError, match="checkpoint"):
        trained_with(names[0])
    trained_with(names[0], elsewhere=True)


def test_memory_does_not_grow_with_steps() -> None:
    code = """
import resource
import methexis as mx
teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
student = mx.EDLN.random(teacher, hidden=(4,), seed=1)
def peak(steps):
    mx.train(student, teacher, mx.SGD(lr=1e-3), steps=steps, replicas=64, record=[steps])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
first = peak(1000)
print(peak(200_000) - first)
"""
    extension()
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 4096  # KiB; the factors of the schedule of one call are about 1 MB


def test_teacher_and_students_are_untouched() -> None:
    before = [w.copy() for layers in plan().start for w in layers]
    run = plan()
    native_state(run)
    after = [w for layers in run.start for w in layers]
    assert all(np.array_equal(x, y) for x, y in zip(before, after, strict=True))
    assert NARROW[0].depth == 3
    assert TEACHER.dim_x == 5
