"""A save that is killed, or runs out of room, at every system call leaves the old or the new.

Calls are those of the C library that change files; `faults.c` counts them and strikes at the k-th.
All of them are tried in the long tests, and some elsewhere: kills fall into the same few states,
which the many calls of a store only repeat.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from methexis.core.parallel.threads import available_cores
from tests.files import faults
from tests.native.extension import missing

HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="interposes calls of the C library of Linux"
)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None:
        missing("expected a C compiler, found no cc")
    target = tmp_path_factory.mktemp("shim") / "faults.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(target), str(HERE / "faults.c"), "-ldl"]
    subprocess.run(command, check=True)
    return target


def struck(
    shim: Path, tmp_path: Path, job: str, mode: int, step: int, first: int = 1
) -> dict[str, Any]:
    (tmp_path / "locks").mkdir(parents=True)
    environment = os.environ | {"LD_PRELOAD": str(shim), "TMPDIR": str(tmp_path / "locks")}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parents[1]), *filter(None, sys.path)])
    asked = [str(number) for number in (mode, first, step)]
    words = ["-m", "tests.files.faults", job, *asked, str(tmp_path / "work")]
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


MODES = {"kill": faults.KILL, "full once": faults.FULL_ONCE, "full": faults.FULL_FROM}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("job", "step"), [("file", 1), ("results", 3), ("store", 211)])
def test_some_calls(shim: Path, tmp_path: Path, job: str, step: int, mode: str) -> None:
    found = struck(shim, tmp_path, job, MODES[mode], step)
    kind = "killed" if mode == "kill" else "refused"
    assert found[f"{kind}, old"] > 0
    if mode == "kill":
        assert found["killed, new"] > 0


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("job", ["results", "store"])
def test_all_calls(shim: Path, tmp_path: Path, job: str, mode: str) -> None:
    """As many at a time as there are cores: the first, the second and so on of each few."""
    cores = available_cores()
    with ThreadPoolExecutor(cores) as pool:
        parts = [
            pool.submit(struck, shim, tmp_path / str(k), job, MODES[mode], cores, 1 + k)
            for k in range(cores)
        ]
        counts = sum((Counter(part.result()) for part in parts), Counter[str]())
    ended = counts.pop("calls") // cores
    assert ended > 40
    assert counts.total() >= ended  # every call once, and those beyond the last
