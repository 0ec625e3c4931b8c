"""Sweeps on a real cluster of Dask, from where `make check-long` installs it; each in a process."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import methexis as mx
from methexis.core.parallel import crews
from methexis.errors import MethexisError
from methexis.sweeps import open_sweep
from tests.campaigns.sweeps import ROOT, environment, has_dask
from tests.sweeps.small import do, same_bits

#: The first lines of a program that sweeps.
BEGIN = "import sys\nfrom pathlib import Path\nfrom tests.sweeps.small import do\n"


def ran(program: str, *words: str, seconds: float = 240.0) -> subprocess.CompletedProcess[str]:
    """A program with Dask."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEGIN + program, *words],
        env=environment(), cwd=ROOT, text=True, capture_output=True, check=False, timeout=seconds,
    )  # fmt: skip


@pytest.fixture
def needs_dask() -> None:
    assert has_dask(), "expected Dask in build/dask; make check-long installs it"


@pytest.fixture
def scheduler(needs_dask: None) -> Iterator[str]:
    """The address of a scheduler with one worker, in processes of their own."""
    del needs_dask
    program = (
        "import time\nfrom distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    c = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)\n"
        "    print(c.scheduler_address, flush=True)\n    time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program], env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_without_dask_it_is_said_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crews, "find_spec", lambda name: None)
    with pytest.raises(mx.MethexisError, match=r"got none; pip install 'methexis\[cluster\]'"):
        do(tmp_path / "s.sweep", executor="dask")
    assert not (tmp_path / "s.sweep").exists()


@pytest.mark.long
@pytest.mark.usefixtures("needs_dask")
def test_a_cluster_in_this_machine_makes_the_same_bits(tmp_path: Path) -> None:
    right = do(tmp_path / "right.sweep")
    program = "if __name__ == '__main__':\n    do(Path(sys.argv[1]), executor='dask', workers=2)\n"
    done = ran(program, str(tmp_path / "s.sweep"))
    assert done.returncode == 0, done.stderr
    assert same_bits(open_sweep(tmp_path / "s.sweep"), right)


@pytest.mark.long
def test_a_scheduler_by_its_address(tmp_path: Path, scheduler: str) -> None:
    right = do(tmp_path / "right.sweep")
    done = ran("do(Path(sys.argv[1]), scheduler=sys.argv[2])\n", str(tmp_path / "s"), scheduler)
    assert done.returncode == 0, done.stderr
    assert same_bits(open_sweep(tmp_path / "s"), right)


@pytest.mark.long
@pytest.mark.usefixtures("needs_dask")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "tcp://127.0.0.1", "nowhere:x"])
def test_a_scheduler_that_does_not_answer(tmp_path: Path, address: str) -> None:
    began = time.monotonic()
    done = ran("do(Path(sys.argv[1]), scheduler=sys.argv[2])\n", str(tmp_path / "s"), address)
    assert time.monotonic() - began < 120
    last = done.stderr.strip().splitlines()[-1]
    assert re.search(r"scheduler: expected one that answers within \d+ s at", last), done.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.long
@pytest.mark.usefixtures("needs_dask")
@pytest.mark.parametrize("lost", ["closed", "forgotten"])
def test_workers_that_dask_gives_up_come_back(tmp_path: Path, lost: str) -> None:
    """One that its nanny does not start again, and one that the cluster has struck off."""
    program = (
        "import time\nfrom methexis.core.parallel import crews\n"
        "if __name__ == '__main__':\n"
        "    crews.ABSENCE = 2.0\n"
        "    crew = crews.Dask(None, 1)\n"
        "    nanny = crew._cluster.workers[0]\n"
        "    crew._cluster.sync(nanny.close)\n"
        f"    if {lost == 'forgotten'}: del crew._cluster.workers[0]\n"
        "    future = crew.submit(max, 1, 2)\n"
        "    began = time.monotonic()\n"
        "    while not future.done() and time.monotonic() - began < 120:\n"
        "        crew.watch()\n"
        "        time.sleep(0.5)\n"
        "    assert future.done(), 'nobody came back'\n"
        "    assert future.result() == 2\n"
        "    crew.close(now=True)\n"
    )
    done = ran(program, str(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.long
@pytest.mark.usefixtures("needs_dask")
def test_all_pairs_on_a_cluster(tmp_path: Path) -> None:
    program = (
        "import numpy as np, methexis as mx\nfrom distributed import Client, LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    rng = np.random.default_rng(0)\n"
        "    given = []\n"
        "    for k in range(4):\n"
        "        np.save(f'{sys.argv[1]}/{k}.npy', rng.normal(size=(60, 5)))\n"
        "        given.append(f'{sys.argv[1]}/{k}.npy')\n"
        "    right = mx.compare_all(given, num_permutations=20)\n"
        "    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as c:\n"
        "        pool = Client(c).get_executor(pure=False)\n"
        "        found = mx.compare_all(given, num_permutations=20, executor=pool)\n"
        "    assert found.data.equals(right.data)\n"
    )
    done = ran(program, str(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("failures", "comes"), [(crews.MOST_STARTS - 1, True), (99, False)])
def test_a_cluster_that_fails_to_start_is_started_again(
    failures: int, comes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a worker is killed while it starts; but not for ever."""
    starts: list[int] = []

    def cluster(**_: object) -> str:
        starts.append(1)
        if len(starts) <= failures:
            raise RuntimeError("Nanny failed to start")
        return "a cluster"

    monkeypatch.setattr(crews, "resolve_name", lambda _: cluster)
    if comes:
        assert crews._local_cluster(2) == "a cluster"
    else:
        with pytest.raises(MethexisError, match=r"expected 2 processes of Dask.*Nanny failed"):
            crews._local_cluster(2)
    assert len(starts) == min(failures + 1, crews.MOST_STARTS)
