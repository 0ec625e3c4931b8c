"""Interrupted runs go on to the same bits; all but this run's own checkpoint is refused."""

from __future__ import annotations

import json
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.progress import Report
from methexis.training import loop
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.records import checkpoint, recording
from tests.files import damage

STEPS = 3000


def train(checkpoint: Path | None, **changes: Any) -> mx.Run:
    """The run that is interrupted here, in this process or another."""
    teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=1)
    students = [
        mx.EDLN.random(teacher, hidden=(4, 3), seed=3),
        mx.EDLN.random(teacher, hidden=(3,), seed=4),
    ]
    settings: dict[str, Any] = {
        "optimiser": mx.SGD(lr=0.002, momentum=0.5, schedule=mx.schedules.cosine(0.1)),
        "steps": STEPS, "batch": 2, "replicas": 2, "seed": 9, "sampling": "shuffle",
        "record": [0, 100, 700, 2000],
    }  # fmt: skip
    settings |= changes
    source = teacher if settings["sampling"] == "online" else teacher.samples(11, seed=0)
    return mx.train(students, source, checkpoint=checkpoint, **settings)


def assert_same(run: mx.Run, other: mx.Run) -> None:
    """Equal to the bit in everything but wall time."""
    assert run.tree.equals(other.tree)
    ones, others = run.provenance, other.provenance
    del ones["wall_time_s"], others["wall_time_s"]
    assert ones == others


class InterruptAt:
    """Progress that presses Ctrl-C at the first report from a step on."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.pressed = False

    def __call__(self, report: Report) -> None:
        if not self.pressed and report.step >= self.step:
            self.pressed = True
            signal.raise_signal(signal.SIGINT)


class FirstReport:
    """Progress that keeps the step at which the run began."""

    step: int | None = None

    def __call__(self, report: Report) -> None:
        self.step = report.step if self.step is None else self.step


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """On any machine there are stretches enough for an interruption at the steps below."""
    loop_paced(monkeypatch)


def loop_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "paced", lambda *_: 64)


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """A background job inherits an ignored Ctrl-C; here it must be Python's own."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # and train restores it
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def whole() -> mx.Run:
    return train(None)


def interrupted(path: Path, step: int = 1000, **changes: Any) -> Path:
    with pytest.raises(KeyboardInterrupt):
        train(path, progress=InterruptAt(step), **changes)
    assert path.exists()
    return path


def test_control_c(tmp_path: Path, whole: mx.Run) -> None:
    path = interrupted(tmp_path / "folder" / "run.npz", step=600)
    interrupted(path, step=2500)  # again, from where it was
    first = FirstReport()
    assert_same(train(path, progress=first), whole)
    assert first.step is not None
    assert 2500 <= first.step < STEPS
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": "online", "dtype": "float32"},
        {"sampling": "full"},
        {"sampling": "replace", "paired": False},
        {"optimiser": mx.GradientFlow(lr=0.01)},
        {"optimiser": mx.SGD(lr=0.9), "replicas": 3},  # diverges
    ],
    ids=["online", "full", "replace", "flow", "diverged"],
)
def test_control_c_elsewhere(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = interrupted(tmp_path / "run.npz", step=600, **changes)
    assert_same(train(path, **changes), train(None, **changes))


def test_second_control_c_does_not_wait() -> None:
    def twice(report: Report) -> None:
        if report.step > 0:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the second Ctrl-C waited")  # pragma: no cover

    with pytest.raises(KeyboardInterrupt):
        train(None, progress=twice)


def test_control_c_without_a_checkpoint() -> None:
    with pytest.raises(KeyboardInterrupt):
        train(None, progress=InterruptAt(500))


def child(path: str) -> None:
    """Run with a checkpoint at every stretch, and say when half is done."""
    checkpoint.CHECKPOINT_SECONDS = checkpoint._WORK_PER_WRITING = 0.0
    loop.paced = lambda *_: 8  # type: ignore[assignment]
    ReferenceEngine.stretch = 8

    def show(report: Report) -> None:
        if report.step >= STEPS // 2:
            print("half", flush=True)

    train(Path(path), progress=show)


def test_kill(tmp_path: Path, whole: mx.Run) -> None:
    path = tmp_path / "run.npz"
    code = "import runpy, sys; runpy.run_path(sys.argv[1])['child'](sys.argv[2])"
    command = [sys.executable, "-c", code, __file__, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.kill()  # wherever it is by now, most likely writing
        assert process.wait() == -signal.SIGKILL
    first = FirstReport()
    assert_same(train(path, progress=first), whole)
    assert first.step is not None
    assert STEPS // 2 - 8 <= first.step < STEPS
    assert "child" in runpy.run_path(__file__)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 10},
        {"steps": STEPS + 1},
        {"batch": 3},
        {"sampling": "replace"},
        {"paired": False},
        {"loss": "whitened"},
        {"replicas": [0, 2]},
        {"record": [0, 101, 700, 2000]},
        {"dtype": "float32"},
        {"init": mx.init.gaussian(1.1)},
        {"optimiser": mx.SGD(lr=0.002, momentum=0.5, schedule=mx.schedules.cosine(0.11))},
        {"optimiser": mx.SGD(lr=0.002, schedule=mx.schedules.cosine(0.1))},
        {"optimiser": mx.GradientFlow(lr=0.002)},
    ],
    ids=str,
)
def test_other_settings_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = interrupted(tmp_path / "run.npz")
    with pytest.raises(mx.MethexisError, match="expected one of this very run, got one of a run"):
        train(path, **changes)
    assert path.exists()


def test_the_integrators_tolerance_is_a_setting(tmp_path: Path) -> None:
    changes = {"optimiser": mx.GradientFlow(lr=0.01)}
    path = interrupted(tmp_path / "run.npz", step=100, **changes)
    with pytest.raises(mx.MethexisError, match="this very run"):
        train(path, optimiser=mx.GradientFlow(lr=0.01, rtol=1e-8))


def test_other_versions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = interrupted(tmp_path / "run.npz")
    monkeypatch.setattr(np, "__version__", "1.0")
    with pytest.raises(mx.MethexisError, match=r"expected one made with numpy 1\.0, got numpy \d"):
        train(path)


def test_other_versions_go_on_if_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: mx.Run
) -> None:
    path = interrupted(tmp_path / "run.npz")
    there = np.__version__
    monkeypatch.setattr(np, "__version__", "1.0")
    run = train(path, resume_elsewhere=True)
    assert run.tree.equals(whole.tree)  # in truth it is the same version
    provenance = run.provenance
    assert provenance["made_with"]["numpy"] == "1.0"
    assert [made["numpy"] for made in provenance["made_before_with"]] == [there]
    assert "made_before_with" not in whole.provenance
    with pytest.raises(mx.MethexisError, match="expected one of this very run"):
        train(path, resume_elsewhere=True, seed=10)


def test_control_c_while_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: mx.Run
) -> None:
    path = tmp_path / "run.npz"
    measure = recording._measure
    calls: list[Any] = []

    def pressed(measured: Any, *weights: Any) -> Any:
        calls.append(measured)
        if len(calls) == 2:  # half of the row is written
            signal.raise_signal(signal.SIGINT)
            pytest.fail("Ctrl-C waited")  # pragma: no cover
        return measure(measured, *weights)

    monkeypatch.setattr(recording, "_measure", pressed)
    with pytest.raises(KeyboardInterrupt):
        train(path)
    monkeypatch.undo()
    assert_same(train(path), whole)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    good_path = interrupted(tmp_path / "good.npz")
    good = good_path.read_bytes()
    path = tmp_path / "run.npz"
    flipped = bytearray(good)
    with np.load(good_path) as stored:  # one byte of a number, not of what surrounds it
        flipped[good.index(stored["weights/0/0"].tobytes()) + 3] ^= 0xFF
    damaged = [b"", b"\x00", b"not a checkpoint", good[:100], good[: len(good) // 2], good[:-1]]
    for content in (*damaged, bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(mx.MethexisError, match="expected a whole checkpoint file") as caught:
            train(path)
        assert "\n" not in str(caught.value)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(mx.MethexisError, match="expected a whole checkpoint file"):
        train(path)
    array = tmp_path / "array.npy"
    np.save(array, np.zeros(3))
    with pytest.raises(mx.MethexisError, match="expected a whole checkpoint file"):
        train(array)
    with pytest.raises(mx.MethexisError, match="expected a whole checkpoint file"):
        train(tmp_path)


def forged(path: Path, target: Path, header: dict[str, Any], **arrays: Any) -> None:
    """A checkpoint with other content and the fingerprint of that, as a wrong program writes it."""
    with np.load(path) as stored:
        content = {name: stored[name] for name in stored}
    head = json.loads(bytes(content.pop("header"))) | header
    content |= arrays
    del head["digest"]
    head["digest"] = checkpoint._digest(head, content)
    np.savez(target, header=checkpoint._bytes(head), **content)


@pytest.mark.parametrize(
    "header",
    [
        {"done": 1},
        {"done": -1},
        {"done": 99},
        {"done": True},
        {"done": 2.0},
        {"step": 10**9},
        {"step": -1},
        {"step": 0},
        {"step": float("inf")},
        {"step": None},
        {"makers": []},
        {"makers": {}},
        {"makers": [[]]},
        {"format": 3},
        {"format": "4"},
    ],
    ids=str,
)
def test_counters_are_those_of_a_moment_of_the_plan(tmp_path: Path, header: dict[str, Any]) -> None:
    path = interrupted(tmp_path / "run.npz", step=1000)
    forged(path, tmp_path / "other.npz", {})
    with np.load(tmp_path / "other.npz") as stored:
        assert json.loads(bytes(stored["header"]))["done"] == 3  # steps 0, 100 and 700
    forged(path, tmp_path / "other.npz", header)
    with pytest.raises(mx.MethexisError, match=r"expected (a whole checkpoint|format 4)") as caught:
        train(tmp_path / "other.npz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", ["one network", "scalar", "half", "bool", "lies"])
def test_shapes_and_types_are_those_of_the_plan(tmp_path: Path, change: str) -> None:
    path = interrupted(tmp_path / "run.npz", step=1000)
    with np.load(path) as stored:
        w = stored["weights/0/0"]
    arrays = {
        "one network": w[:1],
        "scalar": np.float64(0.3),
        "half": w.astype(np.float16),
        "bool": w > 0,
        "lies": w.reshape(-1),
    }
    forged(path, tmp_path / "other.npz", {}, **{"weights/0/0": arrays[change]})
    with pytest.raises(mx.MethexisError, match="expected a whole checkpoint"):
        train(tmp_path / "other.npz")


def test_content_is_what_was_written(tmp_path: Path) -> None:
    """Also if the archive is whole, as of two checkpoints of one run whose members were mixed."""
    path = interrupted(tmp_path / "run.npz", step=1000)
    with np.load(path) as stored:
        content = {name: stored[name] for name in stored}
    np.savez(path, **(content | {"weights/0/0": content["weights/0/0"] + 1e-9}))
    with pytest.raises(mx.MethexisError, match="its content is not what was written"):
        train(path)


def test_damage_is_noticed(tmp_path: Path, whole: mx.Run) -> None:
    path = interrupted(tmp_path / "run.npz", step=2900)
    after = path.read_bytes()

    def same() -> bool:
        try:
            return train(path).tree.equals(whole.tree)
        finally:
            path.write_bytes(after)

    found = damage.campaign(path, same, 30, np.random.default_rng(1))
    assert found["refused"] > 8


def test_one_run_at_a_time_goes_on_from_a_file(tmp_path: Path, whole: mx.Run) -> None:
    path = tmp_path / "run.npz"
    said: list[str] = []

    def second(report: Report) -> None:
        del report
        if not said:
            with pytest.raises(mx.MethexisError, match="expected to be alone at") as caught:
                train(path)
            said.append(str(caught.value))

    assert_same(train(path, progress=second), whole)
    assert said


def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, whole: mx.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = interrupted(tmp_path / "run.npz", step=600)
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(mx.MethexisError, match="No space left on device"):
        train(path, progress=InterruptAt(1500))
    monkeypatch.undo()
    loop_paced(monkeypatch)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert_same(train(path), whole)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(mx.MethexisError, match="expected to write"):
        train(tmp_path / "file" / "run.npz", progress=InterruptAt(600))
