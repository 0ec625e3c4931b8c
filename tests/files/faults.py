"""A process that dies, or a disk that fills, at every point between two system calls of a save.

Run as ``python -m tests.files.faults JOB FIRST STEP`` under ``LD_PRELOAD`` of `faults.c`. A child
process does the job and meets its fate at the k-th call that changes files; then what is left is
opened. It must be the old or the new, and the files of others must be as they were.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import methexis as mx
from methexis.files import RESULT, alone, locked, put_file, put_results, read_result, settle

COUNT, KILL, FULL_ONCE, FULL_FROM = 1, 2, 3, 4
KILLED, REFUSED, SAVED, RAW = 77, 3, 0, 4


@dataclass
class Job:
    """Something that is saved, twice.

    Attributes
    ----------
    save : function
        Saves the first or the second, given the folder.
    look : function
        Which one there is; raises if there is none.
    others : dict
        Files of others and their content.
    """

    save: Callable[[Path, int], None]
    look: Callable[[Path], int]
    others: dict[str, str]


def small_run(seed: int) -> mx.Run:
    return mx.train(
        mx.EDLN((1,)), mx.Teacher([[1.0]]), mx.SGD(lr=0.01), steps=4, seed=seed, record=[0],
        progress=None, engine="reference",
    )  # fmt: skip


def store_job(*, others: bool = True) -> Job:
    """`Run.save` over a saved run."""
    runs = [small_run(seed) for seed in (0, 1)]

    def look(folder: Path) -> int:
        found = mx.open_run(folder / "r.zarr")
        same = [found.tree.identical(run.tree) for run in runs]
        return same.index(True)

    names = {"r.zarr.old/mine": "1", "r.zarr.partial/mine": "2", ".partial/mine": "3"}
    return Job(
        lambda folder, which: void(runs[which].save(folder / "r.zarr", force=True)),
        look,
        names if others else {},
    )


def file_job() -> Job:
    """`put_file` over a file, as checkpoints do."""
    content = [bytes([k]) * 3000 for k in (1, 2)]

    def save(folder: Path, which: int) -> None:
        with alone(folder / "c.npz", "file"):
            put_file(folder / "c.npz", lambda new: void(new.write_bytes(content[which])))

    return Job(
        save,
        lambda folder: content.index((folder / "c.npz").read_bytes()),
        {"c.npz.partial": "mine"},
    )


def results_job() -> Job:
    """`put_results` over older results, of which some files go."""

    def save(folder: Path, which: int) -> None:
        def write(staged: Path) -> None:
            (staged / "figures").mkdir()
            names = [f"figures/{k}.pdf" for k in range(which + 2)] if which else ["figures/0.pdf"]
            for name in (*names, "report.html", f"only-{which}/data"):
                (staged / name).parent.mkdir(exist_ok=True)
                (staged / name).write_text(f"{name} of {which}")
            (staged / RESULT).write_text(json.dumps({"which": which}))

        try:
            with locked(folder / "out", "out"):
                settle(folder / "out", RESULT)
                put_results(folder / "out", write)
        except OSError as error:
            raise mx.MethexisError(str(error)) from None

    def look(folder: Path) -> int:
        settle(folder / "out", RESULT)
        which: int = read_result(folder / "out")["which"]
        others = {f"only-{1 - which}/data"} | ({"figures/1.pdf"} if which == 0 else set())
        assert not any((folder / "out" / name).exists() for name in others)
        return which

    return Job(save, look, {"out/figures/paper.pdf": "mine", "out/.partial/mine": "x"})


JOBS = {"store": store_job, "file": file_job, "results": results_job}


def void(value: Any) -> None:
    del value


def campaign(job: Job, root: Path, mode: int, first: int, step: int) -> Counter[str]:
    """What came of the job with a fault at calls ``first, first + step, …``, to the last."""
    shim = ctypes.CDLL(os.environ["LD_PRELOAD"])
    shim.fault_arm.argtypes = (ctypes.c_int, ctypes.c_long)
    base = root / "base"
    base.mkdir(parents=True)
    for name, content in job.others.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(content)
    job.save(base, 0)
    clean = {p.relative_to(base).as_posix() for p in base.iterdir()}
    counts: Counter[str] = Counter()
    k = first
    while True:
        here = root / "here"
        shutil.copytree(base, here)
        status, message = forked(lambda k=k, here=here: _fated(shim, job, here, mode, k))
        if status == RAW:
            raise AssertionError(f"call {k}: {message}")
        left = {name: (here / name).read_text() for name in job.others}
        if left != job.others:
            raise AssertionError(f"call {k}: files of others: {left}")
        try:
            found = job.look(here)
        except Exception as error:
            raise AssertionError(f"call {k}, {status} {message}: {error}") from error
        if (status == SAVED and found != 1) or (status == REFUSED and found != 0):
            raise AssertionError(f"call {k}: said {status} {message}, found {found}")
        job.save(here, 1)
        again = {p.relative_to(here).as_posix() for p in here.iterdir()}
        if job.look(here) != 1 or again != clean:
            raise AssertionError(f"call {k}: saved again, and found {sorted(again)}")
        shutil.rmtree(here)
        word = {KILLED: "killed", REFUSED: "refused", SAVED: "saved"}[status]
        counts[f"{word}, {('old', 'new')[found]}"] += 1
        if message == "beyond":
            counts["calls"] = k - 1
            return counts
        k += step


def forked(work: Callable[[], tuple[int, str]]) -> tuple[int, str]:
    """Exit status and words of a child process that does some work."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            status, text = work()
            os.write(write, text.encode())
            os._exit(status)
        finally:
            os._exit(RAW)
    os.close(write)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(read) as stream:
        return os.waitstatus_to_exitcode(status), stream.read()


def _fated(shim: ctypes.CDLL, job: Job, folder: Path, mode: int, k: int) -> tuple[int, str]:
    try:
        shim.fault_arm(mode, k)
        job.save(folder, 1)
    except mx.MethexisError as error:
        if "\n" in str(error):
            return RAW, f"more than a sentence: {error}"
        return REFUSED, str(error)
    except OSError as error:  # the caller of put_file makes a sentence of it
        return REFUSED, str(error)
    except BaseException as error:
        return RAW, f"{type(error).__name__}: {error}"
    finally:
        made = shim.fault_count()
        shim.fault_arm(0, 0)
    return SAVED, "beyond" if made < k else "in time"


def main() -> None:
    np.seterr(all="ignore")
    name, mode, first, step, root = sys.argv[1:]
    found = campaign(JOBS[name](), Path(root), int(mode), int(first), int(step))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
