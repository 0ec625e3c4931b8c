"""Kills, damage and concurrent writers by the hundred, of every kind of store.

``python -m tests.campaigns.stores --kills 300 --damages 5000 --rounds 100`` prints counts as JSON,
and ends with status 1 and what happened at the first thing that is wrong. Kills come at random
times of real processes that save or train; the tests of tests/files strike at every system call.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import methexis as mx
from methexis.cli.folders import fill, prepared
from methexis.files import is_staging, read_result
from methexis.training.records import checkpoint
from tests.files import damage
from tests.files.faults import small_run

STEPS = 20_000


def trained(path: Path | None, seed: int = 0) -> mx.Run:
    """A run that takes a second or so, with a checkpoint at every look."""
    teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
    student = mx.EDLN.random(teacher, hidden=(4, 3), seed=1)
    return mx.train(
        student, teacher, mx.SGD(lr=0.005), steps=STEPS, replicas=2, seed=seed, threads=1,
        record=range(0, STEPS, STEPS // 100), progress=None, checkpoint=path,
    )  # fmt: skip


def started(work: Callable[[], None], gate: int | None = None) -> int:
    """A child process at some work; what it ends with says whether it was refused."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if gate is not None:
            os.read(gate, 1)
        work()
        os._exit(0)
    except mx.MethexisError as error:
        os._exit(1 if "\n" in str(error) else 3)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(1)


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def duration(work: Callable[[], None]) -> float:
    began = time.monotonic()
    assert ended(started(work)) == 0
    return time.monotonic() - began


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if is_staging(p.name)]


def kills_of_saves(root: Path, count: int, rng: random.Random) -> Counter[str]:
    """Replace a store, again and again; it is always the old or the new."""
    runs = [small_run(seed) for seed in (0, 1)]
    path = root / "r.zarr"
    runs[0].save(path)
    (root / "r.zarr.old").mkdir()
    (root / "r.zarr.old" / "mine").write_text("mine")
    takes = duration(lambda: save(runs[0], path))
    found: Counter[str] = Counter()
    last = 0
    for k in range(count):
        which = (k + 1) % 2
        pid = started(lambda which=which: save(runs[which], path))
        time.sleep(rng.uniform(0.0, 1.3 * takes))
        os.kill(pid, signal.SIGKILL)
        code = ended(pid)
        tree = mx.open_run(path).tree
        now = [tree.identical(run.tree) for run in runs].index(True)
        assert code in (0, -signal.SIGKILL), code
        assert now == which or (code and now == last), (code, now, which, last)
        assert (root / "r.zarr.old" / "mine").read_text() == "mine"
        found["killed" if code else "saved"] += 1
        found["new" if now == which else "old"] += 1
        last = now
    save(runs[0], path)
    assert leftovers(root) == []
    return found


def kills_of_training(root: Path, count: int, rng: random.Random) -> Counter[str]:
    """Kill a run until it is through; the bits are those of one that nobody touched."""
    checkpoint.CHECKPOINT_SECONDS = checkpoint._WORK_PER_WRITING = 0.0
    whole = trained(None)
    path = root / "run.npz"
    takes = duration(lambda: void(trained(None)))
    found: Counter[str] = Counter()
    while found["killed"] < count:
        pid = started(lambda: void(trained(path)))
        time.sleep(rng.uniform(0.05, 0.8 * takes))
        os.kill(pid, signal.SIGKILL)
        code = ended(pid)
        assert code in (0, -signal.SIGKILL), code
        found["killed" if code else "ended"] += 1
        if not code or found["killed"] == count:
            assert trained(path).tree.equals(whole.tree)
            found["same bits"] += 1
            path.unlink()
    assert leftovers(root) == []
    return found


def results(folder: Path, number: int) -> None:
    """What a command that compares does at its end."""
    summary = json.dumps({"command": "methexis compare", "version": mx.__version__, "n": number})

    def report(staged: Path) -> None:
        (staged / "figures").mkdir()
        for k in range(5):
            (staged / "figures" / f"{k}.pdf").write_bytes(bytes([number]) * 4000)
        (staged / "report.html").write_text(f"page {number}")

    with prepared(folder, force=True):
        fill(folder, summary, report)


def look(folder: Path) -> None:
    """What a command does at its beginning."""
    with prepared(folder, force=False):
        pass


def kills_of_results(root: Path, count: int, rng: random.Random) -> Counter[str]:
    """Replace results; after the next command comes by, the folder is whole."""
    out = root / "out"
    results(out, 0)
    (out / "figures" / "paper.pdf").write_text("mine")
    takes = duration(lambda: results(out, 0))
    found: Counter[str] = Counter()
    for k in range(count):
        pid = started(lambda k=k: results(out, k % 250 + 1))
        time.sleep(rng.uniform(0.0, 1.2 * takes))
        os.kill(pid, signal.SIGKILL)
        code = ended(pid)
        assert code in (0, -signal.SIGKILL), code
        found["killed" if code else "saved"] += 1
        assert ended(started(lambda: look(out))) == 3  # refused: there are results in it
        read_result(out)
        assert (out / "figures" / "paper.pdf").read_text() == "mine"
    assert leftovers(out) == []
    return found


def damages(root: Path, count: int, seed: int) -> dict[str, Counter[str]]:
    """Damaged stores, checkpoints and results: never other numbers, never another error."""
    rng = np.random.default_rng(seed)
    run = small_run(0)
    store = run.save(root / "store")
    found = {
        "store": damage.campaign(
            store, lambda: run.tree.identical(mx.open_run(store).tree), count, rng
        )
    }
    path = root / "checkpoint.npz"
    teacher, student = mx.Teacher([[1.0]]), mx.EDLN((2,))

    def short() -> mx.Run:
        return mx.train(
            student, teacher, mx.SGD(lr=0.01), steps=20, record=[0, 3, 10], progress=None,
            engine="reference", checkpoint=path,
        )  # fmt: skip

    whole = short()
    after = path.read_bytes()

    def same() -> bool:
        try:
            return short().tree.equals(whole.tree)
        finally:
            path.write_bytes(after)

    found["checkpoint"] = damage.campaign(path, same, count, rng)
    results(root / "out", 1)
    content = read_result(root / "out")
    found["results"] = damage.campaign(
        root / "out", lambda: read_result(root / "out") == content, count, rng
    )
    return found


def writers(root: Path, rounds: int) -> dict[str, Counter[str]]:
    """Two and three processes at one path: one result each round, and who lost is told."""
    runs = [small_run(seed) for seed in range(3)]
    found: dict[str, Counter[str]] = {}
    for number in (2, 3):
        for force in (False, True):
            counts: Counter[str] = Counter()
            for k in range(rounds):
                path = root / f"w{number}{force}{k}"
                gate, opened = os.pipe()
                pids = [
                    started(lambda r=run, p=path, f=force: save(r, p, force=f), gate)
                    for run in runs[:number]
                ]
                os.write(opened, b"x" * number)
                os.close(gate)
                os.close(opened)
                codes = [ended(pid) for pid in pids]
                assert set(codes) <= {0, 3}, codes
                assert codes.count(0) >= 1, codes
                assert force or codes.count(0) == 1, codes
                tree = mx.open_run(path).tree
                left = [tree.identical(run.tree) for run in runs].index(True)
                assert codes[left] == 0, (codes, left)
                counts += Counter({"saved": codes.count(0), "refused": codes.count(3), "valid": 1})
                shutil.rmtree(path)
            assert leftovers(root) == []
            found[f"{number} writers{', force' if force else ''}"] = counts
    return found


def save(run: mx.Run, path: Path, *, force: bool = True) -> None:
    run.save(path, force=force)


def void(value: Any) -> None:
    del value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("kills", 30), ("damages", 200), ("rounds", 10), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    rng = random.Random(wanted.seed)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for kind in (kills_of_saves, kills_of_results, kills_of_training):
            place = root / kind.__name__
            place.mkdir()
            found[kind.__name__.replace("_", " ")] = kind(place, wanted.kills, rng)
            print(json.dumps(found), file=sys.stderr, flush=True)
        for place in ("damages", "writers"):
            (root / place).mkdir()
        found["damages"] = damages(root / "damages", wanted.damages, wanted.seed)
        print(json.dumps(found), file=sys.stderr, flush=True)
        found["writers"] = writers(root / "writers", wanted.rounds)
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
