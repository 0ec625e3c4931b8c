"""Sweeps under SIGKILL: workers and drivers at random, and at named moments of a task.

``python -m tests.campaigns.sweeps --executor dask --tasks 200`` prints a table, and ends with an
assertion at the first thing that is wrong: a bit that differs from an undisturbed sweep in one
process, a task that is trained twice although no worker died at it, a worker that outlives its
driver. Random kills come at numbers of finished tasks that the seed draws before, each after a
random delay. Kills at a moment go by tokens: the first process that comes to the moment takes its
token, and dies.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from methexis.sweeps import driving, open_sweep, working
from methexis.sweeps.folder import Folder
from methexis.sweeps.journal import Journal
from tests.sweeps import killing
from tests.sweeps.small import do, same_bits, spec

ROOT = Path(__file__).parents[2]
#: Where `make check-long` installs Dask.
DASK = ROOT / "build" / "dask"
#: The environment variable with the folder of tokens, which workers inherit.
TOKENS = "METHEXIS_CAMPAIGN"
#: Moments of a worker's task: what it does when it dies there.
WORKER_MOMENTS: dict[str, Callable[[], None]] = {
    "worker before the run": lambda: killing.die_before(working, "run_plan", 1),
    "worker before the store": lambda: killing.die_before(working, "put_folder", 1),
    "worker within the store": lambda: killing.die_after(working, "write_tree", 1),
    "worker between store and mark": lambda: killing.die_after(working, "put_folder", 1),
    "worker between mark and answer": lambda: killing.die_after(working, "_put_mark", 1),
}
#: Moments of the driver: around the line of the journal that says that a task is done.
DRIVER_MOMENTS = ("driver before the line", "driver after the line")
#: Seconds that a worker may live on without its driver.
ORPHAN = 60.0


def many(tasks: int) -> dict[str, Any]:
    """A sweep with so many tasks of one cell."""
    axes = {"optimiser.lr": np.geomspace(0.001, 0.1, tasks).tolist(), "students.width": [3]}
    return spec(axes=axes, tasks={"cells": 1})


def has_dask() -> bool:
    return DASK.exists() or importlib.util.find_spec("distributed") is not None


def environment(**more: str) -> dict[str, str]:
    """Variables of a process that finds us and Dask."""
    paths = [str(ROOT), str(ROOT / "src"), *([str(DASK)] if DASK.exists() else [])]
    paths += filter(None, [os.environ.get("PYTHONPATH")])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


# What runs in the driver and in its workers -----------------------------------------------------


def drive(folder: str, tasks: int, executor: str) -> None:
    """Drive a sweep with two workers, which die where there are tokens."""
    driving.carry_out = carry_out  # type: ignore[assignment]
    write = Journal.write

    def watched(self: Journal, task: str, state: Any, *, through: bool = True) -> None:
        done = state.state == "done"
        if done and taken("driver before the line"):
            killing.die()
        write(self, task, state, through=through)
        if done and taken("driver after the line"):
            killing.die()

    Journal.write = watched  # type: ignore[method-assign]
    do(Path(folder), many(tasks), executor=executor, workers=2, tries=1)


def carry_out(order: working.Order) -> working.Outcome:
    """A worker's task, which says that it trains, and dies where it took a token."""
    for moment, arm in WORKER_MOMENTS.items():
        if taken(moment):
            arm()
            break
    if not hasattr(working, "counted"):
        working.counted = True  # type: ignore[attr-defined]
        train = working.run_plan

        def run_plan(*arguments: Any) -> Any:
            descriptor = os.open(
                Path(os.environ[TOKENS]) / "trainings", os.O_WRONLY | os.O_APPEND | os.O_CREAT
            )
            os.write(descriptor, f"{os.getpid()} {_CURRENT[0]}\n".encode())
            os.close(descriptor)
            return train(*arguments)

        working.run_plan = run_plan
    _CURRENT[0] = order.task.name
    return working.carry_out(order)


#: The task at which this worker is.
_CURRENT = [""]


def taken(moment: str) -> bool:
    """Whether there was a token for a moment, which is then gone."""
    try:
        (Path(os.environ[TOKENS]) / moment).unlink()
    except OSError:
        return False
    return True


# What kills them --------------------------------------------------------------------------------


@dataclass
class Campaign:
    """What was killed so far, and what was seen."""

    folder: Path
    tokens: Path
    tasks: int
    executor: str
    log: Path
    kills: Counter[str] = field(default_factory=Counter)
    #: Stores of tasks that were done, by name, with what says whether they were written again.
    whole: dict[str, int] = field(default_factory=dict)
    longest_orphan: float = 0.0
    drivers: int = 0

    def driver(self) -> subprocess.Popen[bytes]:
        """Start a driver in a process of its own."""
        self.drivers += 1
        words = f"drive({str(self.folder)!r}, {self.tasks}, {self.executor!r})"
        code = f"from tests.campaigns.sweeps import drive\nif __name__ == '__main__': {words}"
        with self.log.open("a") as log:
            print(f"driver {self.drivers}", file=log, flush=True)
            return subprocess.Popen(
                [sys.executable, "-c", code], env=environment(**{TOKENS: str(self.tokens)}),
                stderr=log,
            )  # fmt: skip

    def look(self) -> None:
        """See that no store that was done is another one now."""
        stores = Folder(self.folder).root / "tasks"
        for mark in (self.folder / "marks").glob("*.npz"):
            inode = (stores / f"{mark.stem}.zarr").stat().st_ino
            assert self.whole.setdefault(mark.stem, inode) == inode, f"{mark.stem} was done twice"


def last_words(log: Path) -> str:
    """What a driver that ended by itself said."""
    return "driver: " + " | ".join(log.read_text(errors="replace").splitlines()[-3:])


def campaign(
    root: Path, executor: str, tasks: int, workers: int, drivers: int, seed: int
) -> dict[str, Any]:
    """Kill so many workers and drivers of a sweep, and then at every moment; what came of it."""
    rng = np.random.default_rng(seed)
    right = do(root / "right.sweep", many(tasks))
    tokens = root / "tokens"
    tokens.mkdir()
    going = Campaign(root / "s.sweep", tokens, tasks, executor, root / "drivers.log")
    victims = rng.permutation(["worker"] * workers + ["driver"] * drivers).tolist()
    # The last quarter is left to kills at named moments.
    at = np.sort(rng.choice(np.arange(1, 3 * tasks // 4), len(victims), replace=False)).tolist()
    began = time.monotonic()
    plan = iter(zip(at, victims, strict=True))
    due = next(plan, None)
    process = going.driver()
    armed = False
    held: list[int] = []
    while True:
        held = workers_of(process.pid) or held
        if process.poll() is not None:
            if process.returncode == 0:
                break
            assert process.returncode == -signal.SIGKILL, last_words(going.log)
            going.look()
            wait_for(held, going)
            process, held = going.driver(), []
            continue
        if due is not None and done_of(going.folder) >= due[0] and workers_of(process.pid):
            time.sleep(float(rng.uniform(0.0, 0.4)))
            if strike(process, due[1], going, rng):
                due = next(plan, None)
        elif due is None and not armed and done_of(going.folder) >= 3 * tasks // 4:
            armed = True
            for moment in (*WORKER_MOMENTS, *DRIVER_MOMENTS):
                (tokens / moment).touch()
        time.sleep(0.05)
    wait_for(held, going)
    going.kills["moment"] = sum(
        not (tokens / moment).exists() for moment in (*WORKER_MOMENTS, *DRIVER_MOMENTS)
    )
    return judged(going, right, time.monotonic() - began)


def strike(
    process: subprocess.Popen[bytes], victim: str, going: Campaign, rng: np.random.Generator
) -> bool:
    """Kill the driver or one of its workers; whether there was one to be killed."""
    going.look()
    workers = workers_of(process.pid)
    if not workers or process.poll() is not None:
        return False
    try:
        os.kill(process.pid if victim == "driver" else int(rng.choice(workers)), signal.SIGKILL)
    except OSError:
        return False
    going.kills[victim] += 1
    if victim == "driver":
        process.wait()
        wait_for(workers, going)
    return True


def wait_for(workers: list[int], going: Campaign) -> None:
    """Wait until the workers of a driver that is gone have ended."""
    began = time.monotonic()
    while any(map(alive, workers)):
        assert time.monotonic() < began + ORPHAN, "a worker outlived its driver"
        time.sleep(0.02)
    going.longest_orphan = max(going.longest_orphan, time.monotonic() - began)


def judged(going: Campaign, right: Any, seconds: float) -> dict[str, Any]:
    """Assert that all is as if nothing had happened, and tell what did."""
    done = open_sweep(going.folder)
    assert done.done, done.counts
    going.look()
    assert same_bits(done, right), "the bits are others"
    assert all(state.tries == 0 for state in done.states.values()), "a kill counted against a task"
    assert len(list((going.folder / "tasks").iterdir())) == going.tasks, "something half is left"
    over = set()
    for event in _events(going.folder):
        assert not (event["state"] == "running" and event["task"] in over), "done, and begun again"
        if event["state"] == "done":
            over.add(event["task"])
    lines = [line.split() for line in (going.tokens / "trainings").read_text().splitlines()]
    trainings = Counter(task for _, task in lines)
    assert trainings.keys() == {task.name for task in done.tasks}
    # What is trained again was the last that some worker did: it died before it could answer.
    last = Counter(dict(lines).values())
    for task, count in trainings.items():
        assert count - 1 <= last[task], f"{task} was trained again though no worker died at it"
    return {
        "executor": going.executor,
        "tasks": going.tasks,
        "random kills of workers": going.kills["worker"],
        "random kills of drivers": going.kills["driver"],
        "kills at a moment": going.kills["moment"],
        "drivers started": going.drivers,
        "trainings": sum(trainings.values()),
        "trained again, each in flight when its worker died": sum(trainings.values()) - going.tasks,
        "tasks that a kill counted against": 0,
        "longest life of an orphan, s": round(going.longest_orphan, 2),
        "same bits as undisturbed in one process": True,
        "seconds": round(seconds),
    }


def workers_of(pid: int) -> list[int]:
    """Processes that a driver has spawned and that are at tasks, not helpers of the pool."""
    workers = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():  # a pool spawns from threads of its own
            for child in (thread / "children").read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    workers.append(int(child))
    except OSError:  # it ended meanwhile
        return workers
    return workers


def alive(pid: int) -> bool:
    """Whether a process runs, and is no zombie that nobody has asked for its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def done_of(folder: Path) -> int:
    """How many tasks have a mark."""
    marks = folder / "marks"
    return sum(name.endswith(".npz") for name in os.listdir(marks)) if marks.exists() else 0


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    journal = folder / "journal.jsonl"
    content = journal.read_bytes() if journal.exists() else b""
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        yield json.loads(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", help="folder to keep")
    parser.add_argument("--executor", choices=("processes", "dask"), default="processes")
    for name, default in (("tasks", 200), ("workers", 12), ("drivers", 8), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    options = {name: value for name, value in vars(wanted).items() if name != "out"}
    with tempfile.TemporaryDirectory() as folder:
        row = campaign(Path(wanted.out or folder), **options)
    print(json.dumps(row))
    for name, value in row.items():
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
