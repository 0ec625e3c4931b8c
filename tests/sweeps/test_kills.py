"""Whatever is killed whenever, the same call goes on to the bits of an undisturbed sweep."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from methexis.sweeps import open_sweep
from tests.sweeps import killing
from tests.sweeps.small import do, same_bits, spec

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes that it forks")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return do(tmp_path_factory.mktemp("sweeps") / "small.sweep").path


@pytest.mark.parametrize("moment", killing.LEFT)
def test_a_driver_that_is_killed(tmp_path: Path, undisturbed: Path, moment: str) -> None:
    folder = tmp_path / "s.sweep"
    assert killing.killed(folder, moment) == -signal.SIGKILL
    before = {p.name: p.stat().st_ino for p in (folder / "tasks").glob("*.zarr")}
    stores, interrupted = killing.LEFT[moment]
    assert len(before) == stores
    done = do(folder, tries=1)
    assert done.done
    assert same_bits(done, open_sweep(undisturbed))
    after = {p.name: p.stat().st_ino for p in (folder / "tasks").glob("*.zarr")}
    assert before.items() <= after.items()  # what was whole is not done twice
    assert len(list((folder / "tasks").iterdir())) == 2  # nothing half is left
    assert sum(state.interrupted for state in done.states.values()) == interrupted


def script(folder: Path, tasks: int, executor: str = "processes") -> str:
    """A driver of two workers."""
    return (
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\n"
        "from tests.sweeps.test_kills import many\n"
        "from tests.sweeps.small import do\n"
        "if __name__ == '__main__':\n"
        f"    do(Path({str(folder)!r}), many({tasks}), executor={executor!r}, workers=2, tries=1)\n"
    )


def many(tasks: int) -> dict[str, object]:
    """A sweep with so many tasks of one cell."""
    axes = {"optimiser.lr": np.geomspace(0.001, 0.1, tasks).tolist(), "students.width": [3]}
    return spec(axes=axes, tasks={"cells": 1})


def workers_of(pid: int) -> list[int]:
    """Processes that a driver has spawned and that are at tasks, not helpers of the pool."""
    workers = []
    for thread in Path(f"/proc/{pid}/task").iterdir():  # a pool spawns from threads of its own
        for child in (thread / "children").read_text().split():
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                workers.append(int(child))
    return workers


@pytest.mark.slow
def test_processes_make_the_same_bits_and_end_with_their_driver(
    tmp_path: Path, undisturbed: Path
) -> None:
    done = do(tmp_path / "s.sweep", executor="processes", workers=2)
    assert same_bits(done, open_sweep(undisturbed))


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_killed_workers_and_drivers(tmp_path: Path, executor: str) -> None:
    """Workers and drivers are killed at random; what ends is what nobody disturbed."""
    if executor == "dask":
        pytest.importorskip("distributed")
    rng = np.random.default_rng(0)
    right = do(tmp_path / "right.sweep", many(TASKS))
    folder = tmp_path / "s.sweep"
    kills = {"driver": 0, "worker": 0}
    for _ in range(4 * DRIVER_KILLS):
        driver = subprocess.Popen([sys.executable, "-c", script(folder, TASKS, executor)])
        workers = kill_at_random(driver, folder, kills, rng)
        deadline = time.monotonic() + 60
        while any(map(alive, workers)):
            assert time.monotonic() < deadline, "a worker outlived its driver"
            time.sleep(0.2)
        if driver.returncode == 0:
            break
    done = open_sweep(folder)
    assert done.done, done.counts
    assert min(kills.values()) >= 1, kills
    assert all(state.tries == 0 for state in done.states.values())
    assert same_bits(done, right)
    assert len(list((folder / "tasks").iterdir())) == TASKS


#: Tasks of that sweep; how many drivers are killed at most, and workers for each of them.
TASKS, DRIVER_KILLS, WORKER_KILLS = 24, 4, 2


def kill_at_random(
    driver: subprocess.Popen[bytes], folder: Path, kills: dict[str, int], rng: np.random.Generator
) -> list[int]:
    """Kill workers, and then the driver, at random moments; the workers that it had."""
    workers: list[int] = []
    mine, before = 0, lines_of(folder)
    while driver.poll() is None:
        time.sleep(rng.uniform(1.0, 4.0))
        try:
            if lines_of(folder) == before:  # it has not begun
                continue
            workers = workers_of(driver.pid)
            if workers and mine < WORKER_KILLS:
                os.kill(int(rng.choice(workers)), signal.SIGKILL)
                kills["worker"] += 1
                mine += 1
            elif workers and kills["driver"] < DRIVER_KILLS:
                driver.kill()
                kills["driver"] += 1
                mine = 0
        except OSError:  # it ended by itself
            continue
    driver.wait()
    return workers


def lines_of(folder: Path) -> int:
    """How much the journal of a sweep has."""
    journal = folder / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def alive(pid: int) -> bool:
    """Whether a process runs, and is no zombie that nobody has asked for its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_kill_at_any_call_that_changes_a_file(shim: Path, tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    environment = os.environ | {"LD_PRELOAD": str(shim), "TMPDIR": str(tmp_path / "locks")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    words = ["-m", "tests.sweeps.killing", str(tmp_path / "work"), "1", "13"]
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    counts = json.loads(done.stdout)
    assert sum(count for name, count in counts.items() if name.startswith("killed")) > 20
    assert {"killed, 0 done", "killed, 1 done"} <= counts.keys()
