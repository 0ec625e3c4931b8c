"""Sweeps that are killed: at a moment that is named, or at any call that changes a file.

``python -m tests.sweeps.killing FOLDER FIRST STEP`` runs under ``LD_PRELOAD`` of `faults.c` in
tests/files.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from methexis.sweeps import driving, open_sweep, sweeping, working
from tests.files.faults import KILL, KILLED, RAW, forked
from tests.sweeps.small import do, same_bits


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(module: Any, name: str, turn: int) -> None:
    """Die once a function has returned for the given time."""
    right: Callable[..., Any] = getattr(module, name)
    calls: list[int] = []

    def wrapped(*arguments: Any, **options: Any) -> Any:
        value = right(*arguments, **options)
        calls.append(1)
        if len(calls) == turn:
            die()
        return value

    setattr(module, name, wrapped)


def die_before(module: Any, name: str, turn: int) -> None:
    """Die instead of calling a function for the given time."""
    right: Callable[..., Any] = getattr(module, name)
    calls: list[int] = []

    def wrapped(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == turn:
            die()
        return right(*arguments, **options)

    setattr(module, name, wrapped)


#: Moments of the second task, between every two of write, mark and commit, and around them.
_MOMENTS: dict[str, Callable[[], None]] = {
    "before the run": lambda: die_before(working, "run_plan", 2),
    "before the store": lambda: die_before(working, "put_folder", 2),
    "within the store": lambda: die_after(working, "write_tree", 2),
    "between store and mark": lambda: die_after(working, "put_folder", 2),
    "between mark and journal": lambda: die_after(working, "_put_mark", 2),
    "after the journal": lambda: die_before(sweeping, "_finish", 1),
    "within the table": lambda: die_before(sweeping, "write_table", 1),
    "before the head": lambda: die_before(sweeping, "write_head", 1),
    "after the head": lambda: die_before(driving, "Journal", 1),
}


#: How many stores there are at each moment, and whether a task was interrupted, by the journal.
LEFT = {
    "before the head": (0, 0),
    "after the head": (0, 0),
    "before the run": (1, 1),
    "before the store": (1, 1),
    "within the store": (1, 1),
    "between store and mark": (2, 1),
    "between mark and journal": (2, 0),
    "after the journal": (2, 0),
    "within the table": (2, 0),
}


def killed(folder: Path, moment: str) -> int:
    """Status of a driver that is killed at a moment; minus the signal."""
    pid = os.fork()
    if pid == 0:
        _MOMENTS[moment]()
        try:
            do(folder)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def campaign(root: Path, mode: int, first: int, step: int) -> Counter[str]:
    """What became of a sweep with a fault at calls ``first, first + step, …``, to the last."""
    shim = ctypes.CDLL(os.environ["LD_PRELOAD"])
    shim.fault_arm.argtypes = (ctypes.c_int, ctypes.c_long)
    root.mkdir(parents=True)
    right = do(root / "right.sweep")
    counts: Counter[str] = Counter()
    k = first
    while True:
        here = root / "here.sweep"

        def work(k: int = k, here: Path = here) -> tuple[int, str]:
            try:
                shim.fault_arm(mode, k)
                do(here, tries=1)
            except Exception as error:
                text = str(error)
                return (RAW if "\n" in text else 3), f"{type(error).__name__}: {text}"
            finally:
                made = shim.fault_count()
                shim.fault_arm(0, 0)
            return 0, "beyond" if made < k else "in time"

        status, message = forked(work)
        if status == RAW:
            raise AssertionError(f"call {k}: {message}")
        done_before = sum(s.state == "done" for s in open_sweep(here).states.values()) if (
            (here / "sweep.json").exists()
        ) else 0  # fmt: skip
        stores = {p.name: p.stat().st_ino for p in (here / "tasks").glob("*.zarr")}
        again = do(here, tries=1)
        kept = {p.name: p.stat().st_ino for p in (here / "tasks").glob("*.zarr")}
        assert again.done, f"call {k}: {again.lost}"
        assert stores.items() <= kept.items(), f"call {k}: a whole store was written again"
        assert same_bits(again, right), f"call {k}"
        word = {KILLED: "killed", 3: "refused", 0: "done"}[status]
        counts[f"{word}, {done_before} done"] += 1
        shutil.rmtree(here)
        if message == "beyond":
            counts["calls"] = k - 1
            return counts
        k += step


def main() -> None:
    root, first, step = sys.argv[1:]
    json.dump(campaign(Path(root), KILL, int(first), int(step)), sys.stdout)


if __name__ == "__main__":
    main()
