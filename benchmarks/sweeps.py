"""What sweeps and shared grids cost: ``python -m benchmarks.sweeps WHAT`` prints a JSON object.

``overhead``  time of a sweep in one process of a pool beside its runs', at 10 s a task
``scaling``   two processes of one thread each beside one, on the same tasks
``opening``   opening a finished sweep of 10,000 cells in 100 tasks, in fresh processes
``constants`` what plans for large sweeps are made of: bytes, files and seconds per task and cell
``grids``     debiased linear CKA, models × layers from files: seconds, peak memory, equal bits

The first two need idle cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import methexis as mx
from benchmarks.machine import machine
from benchmarks.peak import peak_bytes
from methexis.sweeps.cutting import cut
from methexis.sweeps.design.spec import read_spec

#: Seconds that a task of `overhead` and `scaling` is to take.
SECONDS = 10.0
#: Bytes that a grid from files may take of its own, and each of its workers.
LIMIT = 2 * 2**30
_TEACHER = {"dim_x": 8, "dim_y": 4}


def spec(cells: int, steps: int, *, per_task: int, replicas: int) -> dict[str, Any]:
    """A sweep over learning rates."""
    return {
        "source": _TEACHER,
        "students": [{"width": 8, "depth": 3}],
        "training": {"steps": steps, "replicas": replicas, "record": 8},
        "axes": {"optimiser.lr": np.geomspace(1e-4, 1e-3, cells).tolist()},
        "tasks": {"cells": per_task},
    }


def steps_for(seconds: float, folder: Path) -> int:
    """How many steps take so long, of one cell by one thread."""
    steps = 20_000
    done = mx.sweep(_one(1, steps), folder / "pilot.sweep", executor="processes", workers=1,
                    progress=None)  # fmt: skip
    return max(1, int(steps * seconds / _seconds_of_runs(done)))


def _one(tasks: int, steps: int) -> dict[str, Any]:
    return spec(tasks, steps, per_task=1, replicas=16)


def _seconds_of_runs(done: mx.Sweep) -> float:
    """Seconds that the engine took, without stores and processes."""
    runs = (done.run(task.number) for task in done.tasks)
    return sum(float(run.provenance["wall_time_s"]) for run in runs)


def _swept(tasks: int, steps: int, path: Path, workers: int) -> tuple[float, float]:
    """Seconds of a sweep, and of its runs."""
    began = time.monotonic()
    done = mx.sweep(_one(tasks, steps), path, executor="processes", workers=workers, progress=None)
    return time.monotonic() - began, _seconds_of_runs(done)


def overhead(folder: Path, tasks: int) -> dict[str, Any]:
    """Time of a sweep that is not its runs'; starting the pool counts once, however many tasks."""
    steps = steps_for(SECONDS, folder)
    start, _ = _swept(1, 1, folder / "start.sweep", 1)
    whole, runs = _swept(tasks, steps, folder / "s.sweep", 1)
    return {
        "tasks": tasks,
        "seconds of runs": runs,
        "seconds of the sweep": whole,
        "seconds of a sweep of one step": start,
        "overhead": whole / runs - 1.0,
        "overhead without the start": (whole - start) / runs - 1.0,
    }


def scaling(folder: Path, tasks: int) -> dict[str, Any]:
    """How many times faster two processes are than one."""
    steps = steps_for(SECONDS, folder)
    one, _ = _swept(tasks, steps, folder / "one.sweep", 1)
    two, _ = _swept(tasks, steps, folder / "two.sweep", 2)
    return {"tasks": tasks, "one process": one, "two processes": two, "times": one / two}


def opening(folder: Path, rounds: int = 5) -> dict[str, Any]:
    """Seconds to open a finished sweep and to read one quantity, after the import."""
    path = folder / "s.sweep"  # which is not made again where it is
    mx.sweep(spec(10_000, 1, per_task=100, replicas=1), path, progress=None)
    program = (
        "import sys, time; import methexis as mx; mx.Sweep; began = time.perf_counter();"
        "used = time.process_time(); data = mx.open_sweep(sys.argv[1]).data;"
        "opened = time.perf_counter(); used = time.process_time() - used;"
        "mean = float(data['loss'].mean());"
        "print(opened - began, time.perf_counter() - began, used, data['loss'].size)"
    )
    told = [_printed(program, str(path)) for _ in range(rounds)]
    return {
        "cells": int(told[0][3]),
        "seconds to open": median(row[0] for row in told),
        "seconds to open and read the loss": median(row[1] for row in told),
        "processor seconds to open": median(row[2] for row in told),
    }


def constants(folder: Path, tasks: int) -> dict[str, Any]:
    """What one task and one cell cost in files, bytes and seconds."""
    rows = {}
    for per_task in (1, 64):
        path = folder / f"{per_task}.sweep"
        began = time.process_time()
        mx.sweep(spec(tasks * per_task, 1, per_task=per_task, replicas=4), path, progress=None)
        seconds = time.process_time() - began
        files = [one for one in (path / "tasks").rglob("*") if one.is_file()]
        marks = list((path / "marks").iterdir())
        rows[f"{per_task} cells of 4 replicas in a task"] = {
            "files of a store": len(files) / tasks,
            "bytes of a store": sum(one.stat().st_size for one in files) / tasks,
            "bytes of a mark": sum(one.stat().st_size for one in marks) / tasks,
            "bytes of the journal": (path / "journal.jsonl").stat().st_size / tasks,
            "processor seconds": seconds / tasks,
        }
    cutting = {}
    for count in (10**4, 10**5, 10**6):
        read = read_spec(spec(count, 1, per_task=64, replicas=1))
        began = time.process_time()
        cut(read)
        cutting[f"{count} cells"] = time.process_time() - began
    return {"of one task": rows, "processor seconds to cut": cutting}


def grids(folder: Path, models: int, layers: int, workers: int) -> dict[str, Any]:
    """All pairs of layers from files, by workers and in memory, each in a fresh process.

    Products of matrices round differently with one thread and with two, so what workers of one
    thread each give is held against one thread in memory, and two threads from files against two in
    memory. What is not in memory by design may take `LIMIT` bytes of its own, and no more.
    """
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((4096, 32), dtype=np.float32)
    for k in range(models * layers):
        layer = shared @ rng.standard_normal((32, 512), dtype=np.float32)
        np.save(folder / f"{k:04}.npy", layer + 4 * rng.standard_normal((4096, 512), np.float32))
    ways = ("files", "workers", "memory", "memory, one thread")
    rows = {way: _in_fresh_process(folder, way, workers) for way in ways}
    scores = {way: np.load(folder / f"{way}.npy") for way in ways}
    apart = np.abs(scores["memory"] - scores["memory, one thread"])
    return {
        "models": models,
        "layers": layers,
        "bits of files are those of memory": _equal(scores, "files", "memory"),
        "bits of workers are those of memory, one thread": _equal(
            scores, "workers", "memory, one thread"
        ),
        "largest difference by threads": float(apart.max()),
        **rows,
    }


def _equal(scores: dict[str, Any], one: str, other: str) -> bool:
    return bool(np.array_equal(scores[one], scores[other]))


def _in_fresh_process(folder: Path, way: str, workers: int) -> dict[str, Any]:
    program = f"from benchmarks.sweeps import compared; compared({way!r}, {workers})"
    words = [sys.executable, "-c", program, str(folder), str(folder / f"{way}.npy")]
    env = dict(os.environ)
    if way == "memory, one thread":
        env |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    began = time.monotonic()
    subprocess.run(words, check=True, env=env)
    seconds = time.monotonic() - began
    return {"seconds": seconds, **json.loads((folder / f"{way}.json").read_text())}


def compared(way: str, workers: int) -> None:
    """One comparison of all files of a folder; what it took goes beside the scores."""
    folder, target = map(Path, sys.argv[1:])
    names = sorted(folder.glob("[0-9]*.npy"))
    in_memory = way.startswith("memory")
    given = [np.load(one) for one in names] if in_memory else [str(one) for one in names]
    if not in_memory:
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    began = time.monotonic()
    with _Own() as own:
        if way == "workers":
            with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
                grid = _cka(given, pool)
        else:
            grid = _cka(given, None)
    seconds = time.monotonic() - began
    np.save(target, grid.scores)
    told = {
        "seconds of compare_all": seconds,
        "peak MiB of its own": own.peak / 2**20,
        "peak MiB with the files that are mapped": peak_bytes() / 2**20,
    }
    target.with_suffix(".json").write_text(json.dumps(told))


class _Own:
    """The most memory that this process and its children hold together, without mapped files."""

    def __enter__(self) -> _Own:
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self.peak = max(self.peak, sum(map(_anonymous_bytes, (os.getpid(), *_children()))))


def _children() -> list[int]:
    told = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    return [int(one) for one in told.split()]


def _anonymous_bytes(process: int) -> int:
    try:
        told = Path(f"/proc/{process}/status").read_text()
    except OSError:  # gone in the meantime
        return 0
    return sum(int(line.split()[1]) * 1024 for line in told.splitlines() if "RssAnon" in line)


def _cka(given: list[Any], executor: Any) -> Any:
    # One memory for all ways, because it decides the blocks and so the bits.
    return mx.compare_all(given, debiased=True, null="none", memory="600 MiB", executor=executor)


def _printed(program: str, *words: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", program, *words], check=True, capture_output=True, text=True
    )
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    """Measure what is named, and print it as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("overhead", "scaling", "opening", "constants", "grids"))
    parser.add_argument("--tasks", type=int, default=6)
    parser.add_argument("--models", type=int, default=40)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", help="folder in which everything stays")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(wanted.keep or name)
        ways: dict[str, Callable[[], dict[str, Any]]] = {
            "overhead": lambda: overhead(folder, wanted.tasks),
            "scaling": lambda: scaling(folder, wanted.tasks),
            "opening": lambda: opening(folder),
            "constants": lambda: constants(folder, wanted.tasks),
            "grids": lambda: grids(folder, wanted.models, wanted.layers, wanted.workers),
        }
        told = ways[wanted.what]()
    about = {"what": wanted.what, "methexis": mx.__version__, **machine()}
    print(json.dumps(about | told, indent=1))


if __name__ == "__main__":
    main()
