"""Whatever is killed whenever, the same call goes on to the bits of an undisturbed sweep."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from methexis.sweeps import open_sweep
from tests.campaigns import sweeps
from tests.sweeps import killing
from tests.sweeps.small import do, same_bits

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


@pytest.mark.long  # threads and made-up executors do it quickly in test_sweeping.py
def test_processes_make_the_same_bits_and_end_with_their_driver(
    tmp_path: Path, undisturbed: Path
) -> None:
    done = do(tmp_path / "s.sweep", executor="processes", workers=2)
    assert same_bits(done, open_sweep(undisturbed))


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_a_campaign_of_kills(tmp_path: Path, executor: str) -> None:
    """Smaller than what docs/sweeps.md reports, with every moment."""
    row = sweeps.campaign(tmp_path, executor, tasks=30, workers=3, drivers=2, seed=1)
    assert row["random kills of workers"] == 3
    assert row["random kills of drivers"] == 2
    assert row["kills at a moment"] == len(sweeps.WORKER_MOMENTS) + len(sweeps.DRIVER_MOMENTS)


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
