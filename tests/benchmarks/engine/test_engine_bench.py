"""The benchmark measures the same thing for every peer, and says so in plain data."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import methexis as mx
from benchmarks.engine.ceilings import ceiling
from benchmarks.engine.job import BenchSettings, run_bench
from benchmarks.engine.points import POINTS, Point, all_points
from benchmarks.engine.text import print_bench
from benchmarks.processes import PeerEndedError, PeerMissingError, PeerSpec, Worker
from benchmarks.timing import Timing, deviation_from_line, interleave
from tests.native.extension import extension

PEER = """
import {module}

class Prepared:
    variant, details = "counting", {{}}
    def run(self, num_steps):
        return sum(1 for _ in range(num_steps))

def start(threads):
    return {{"counter": "1"}}

def prepare(case):
    return Prepared() if case else "nothing to do"
"""


def peer(folder: Path, module: str = "math") -> PeerSpec:
    path = folder / "peer.py"
    path.write_text(PEER.format(module=module))
    return PeerSpec("counter", path, sys.executable)


def test_a_worker_answers_and_ends(tmp_path: Path) -> None:
    worker = Worker(peer(tmp_path), 1)
    try:
        assert worker.versions == {"counter": "1"}
        assert worker.ask(do="prepare", case={})["refused"] == "nothing to do"
        assert worker.ask(do="prepare", case={"a": 1})["variant"] == "counting"
        reply = worker.ask(do="time", seconds=0.01)
        assert reply["steps"] > 0
        assert reply["seconds"] > 0.0
        with pytest.raises(mx.MethexisError, match="counter failed: KeyError"):
            worker.call("nothing of that name")
    finally:
        worker.close()


def test_a_peer_that_crashes_is_named(tmp_path: Path) -> None:
    spec = peer(tmp_path)
    spec.path.write_text(spec.path.read_text() + "\ndef fall():\n    import os; os._exit(1)\n")
    worker = Worker(spec, 1)
    with pytest.raises(PeerEndedError, match="counter ended unexpectedly"):
        worker.call("fall")
    worker.close()
    worker.close()  # twice is once


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_worker_outlives_its_parent(tmp_path: Path) -> None:
    """Not even one that is held still when the parent is killed."""
    spec = peer(tmp_path)
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from benchmarks.processes import PeerSpec, Worker\n"
        f"worker = Worker(PeerSpec('counter', Path({str(spec.path)!r}), sys.executable), 1)\n"
        "print(worker._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = Path("/proc") / parent.stdout.readline().strip()
    assert child.exists()
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 30.0
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)


def alive(process: Path) -> bool:
    try:
        return "State:\tZ" not in (process / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_missing_peer_is_not_a_failure(tmp_path: Path) -> None:
    with pytest.raises((PeerMissingError, mx.MethexisError), match="no_such_package"):
        Worker(peer(tmp_path, "no_such_package"), 1)


def test_rounds_begin_with_another_one_each() -> None:
    order: list[str] = []
    found = interleave({n: (lambda n=n: float(len(order.append(n) or order))) for n in "abc"}, 3)
    assert "".join(order) == "abcbcacab"
    assert found["a"].rounds == (1.0, 6.0, 8.0)
    assert Timing((3.0, 1.0, 2.0)).median == 2.0


def test_deviation_from_a_line() -> None:
    assert deviation_from_line([1, 2, 3], [2.0, 4.0, 6.0], proportional=True) < 1e-12
    assert deviation_from_line([1, 2, 3], [3.0, 5.0, 7.0], proportional=True) > 0.1
    assert deviation_from_line([1, 2, 3], [3.0, 5.0, 7.0], proportional=False) < 1e-12


def test_points_are_distinct_and_their_work_is_counted() -> None:
    points = all_points(("float64", "float32"))
    assert len({p.name for p in points}) == len(points) == 16
    work = POINTS[0].work()
    # forward and gradient of four 8 x 8 layers, back through three; inputs, labels, curvature
    assert work.flops == 2 * 64 * (4 + 4 + 3 + 4)
    assert (work.parameters, work.normals, work.bytes) == (256, 16, 3 * 8 * 256)


@pytest.mark.parametrize("point", [POINTS[0].alone(), POINTS[3].alone()], ids=lambda p: p.kind)
def test_the_step_that_peers_are_compared_with(point: Point, tmp_path: Path) -> None:
    """The arrays of a linear case give the gradient of the loss (by central differences)."""
    case = point.case(tmp_path)
    arrays = np.load(case["file"])
    if point.kind != "linear":
        assert arrays["after0"].shape == arrays["w0"].shape
        return
    inputs, labels, curvature = arrays["inputs"], arrays["labels"], arrays["curvature"]
    weights = [arrays[f"w{i}"][0] for i in range(point.depth)]
    z = arrays["z"][0, 0]

    def loss(first: np.ndarray) -> float:
        h = inputs @ z[: point.width]
        for w in [first, *weights[1:]]:
            h = w @ h
        return float(h @ (0.5 * curvature @ h - labels @ z))

    step = np.zeros_like(weights[0])
    step[2, 3] = 1e-5
    slope = (loss(weights[0] + step) - loss(weights[0] - step)) / 2e-5
    expected = (arrays["w0"] - arrays["after0"])[0, 2, 3]
    assert slope == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_points_are_chosen_by_name() -> None:
    name = POINTS[1].name
    assert [p.name for p in BenchSettings(only=(name,)).points()] == [name]


def test_the_passes_of_a_single_sample() -> None:
    """Every multiply-add is in one pass; at rates of one each, a time counts what is passed."""
    rate = {"fma": 1e6, "update L1": 1e6, "update L2": 1e6, "pull L1": 1e6, "pull L2": 1e6}
    rates = {"instruction_set": "avx512", "normals": 1e6, "float64": rate}
    point = POINTS[0]  # four 8 x 8 layers
    found = ceiling(point, rates, measured=4096.0)
    assert found.passes == {
        "forward": 2 * 64 * (4 + 4),  # four layers; inputs, labels (twice as many), curvature
        "back": 3 * 64,
        "first layer": 64 * 3 * 8,
        "draws": 16,
    }
    work = point.work()
    assert work.flops == found.passes["forward"] + 4 * found.passes["back"] + 2 * 64
    total = 1024 + 192 + 1536 + 16
    assert found.fraction_of_passes == total / 4096
    assert found.most == max(work.flops, work.bytes) / total
    batches = ceiling(POINTS[2], rates, measured=1.0)
    assert (batches.passes, batches.fraction_of_passes, batches.most) == ({}, None, None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"rounds": 0}, "rounds: expected an integer >= 1, got 0"),
        ({"seconds": float("nan")}, "seconds: expected a number in"),
        ({"threads": 0}, "threads: expected an integer in"),
        ({"dtype": "float16"}, "dtype: expected one of"),
        ({"only": ("D=4 d=8",)}, "only: expected one of"),
    ],
)
def test_bad_settings(words: dict[str, object], message: str) -> None:
    with pytest.raises(mx.MethexisError, match=message):
        BenchSettings(**words)  # type: ignore[arg-type]


@pytest.mark.long  # every peer at every point, and the sweeps: a minute of two cores
def test_a_quick_run_without_peers(capsys: pytest.CaptureFixture[str]) -> None:
    extension()  # skips where it is not built; in CI that fails
    settings = BenchSettings(quick=True, rounds=1, seconds=0.02, threads=1, peers=False)
    result = run_bench(settings)
    for at in result.points:
        assert set(at.rows) == {"native", "reference"}
        assert at.jax is None
    data = json.loads(json.dumps(result.summary()))
    assert [p["name"] for p in data["points"]] == [p.point.name for p in result.points]
    assert [s["what"] for s in data["sweeps"]][:2] == ["networks", "steps"]
    assert all(0.0 < c["fraction"] < 1.5 for c in data["ceilings"])
    assert any(t["reached"] is None for t in data["targets"])  # those beside JAX
    print_bench(result)
    printed = capsys.readouterr().out
    for at in result.points:
        assert at.point.name in printed
