"""A sweep goes on where it was, is refused where it is another one, and blames no task for others.

Executors here are made up, so that workers die where a test wants it; `test_kills.py` kills real
processes, and `test_dask.py` those of a cluster.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis import sweeps
from methexis.files import locked
from methexis.progress import Report
from methexis.sweeps import driving, folder, working
from methexis.sweeps.folder import Folder
from tests.sweeps.small import do, same_bits, spec


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return do(tmp_path_factory.mktemp("sweeps") / "small.sweep").path


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "copy.sweep")
    return tmp_path / "copy.sweep"


def stamps(path: Path) -> dict[str, int]:
    """When each store was written."""
    return {one.name: one.stat().st_ino for one in sorted((path / "tasks").iterdir())}


class Flaky:
    """An executor whose workers die at the tasks whose turns are named."""

    def __init__(self, dies: Callable[[int], bool]) -> None:
        self.dies, self.turn = dies, 0

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.dies(self.turn):
            future.set_exception(BrokenExecutor("a process was killed"))
        else:
            future.set_result(work(*arguments))
        self.turn += 1
        return future


def test_the_same_call_does_nothing_twice(copied: Path) -> None:
    before = stamps(copied)
    again = do(copied)
    assert again.done
    assert stamps(copied) == before


def test_what_is_missing_is_done(copied: Path, finished: Path) -> None:
    opened = sweeps.open_sweep(copied)
    store = Folder(copied).store(opened.tasks[1])
    shutil.rmtree(store)
    before = stamps(copied)
    again = do(copied)
    assert {name: stamps(copied)[name] for name in before} == before
    assert same_bits(again, sweeps.open_sweep(finished))


def test_opened_it_is_what_was_done(finished: Path) -> None:
    opened = sweeps.open_sweep(finished)
    assert opened.done
    assert opened.counts == {"waiting": 0, "running": 0, "done": 2, "lost": 0}
    assert opened.data["worst_pair"].dims == ("lr", "width", "replica")
    assert np.isfinite(opened.data["loss"]).all()
    assert len(opened.to_dataframe()) == 2 * 2 * 2
    assert opened.run(1).cells == {"cell": 2}


def test_the_table_is_what_the_marks_say(copied: Path) -> None:
    table = sweeps.open_sweep(copied).data.load()
    shutil.rmtree(copied / "table.zarr")
    assert sweeps.open_sweep(copied).data.identical(table)


def test_another_specification_is_refused_and_taken_when_asked(copied: Path) -> None:
    wider = spec(axes={"optimiser.lr": [0.01, 0.02], "students.width": [2, 3, 4]})
    with pytest.raises(mx.MethexisError, match="began, got another specification; give another"):
        do(copied, wider)
    before = stamps(copied)
    done = do(copied, wider, again=True)
    assert done.data.sizes["width"] == 3
    assert {name: stamps(copied)[name] for name in before} == before  # what is the same is kept


def test_another_version_is_refused_and_does_all_anew_when_asked(copied: Path) -> None:
    head = json.loads((copied / "sweep.json").read_text())
    head["made_with"]["methexis"] = "0.0.9"
    (copied / "sweep.json").write_text(json.dumps(head))
    with pytest.raises(mx.MethexisError, match=r"got what was made with methexis 0\.0\.9 and not"):
        do(copied)
    assert do(copied, again=True).done


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(mx.MethexisError, match=r"^out: expected a new or empty folder"):
        do(tmp_path)
    with pytest.raises(mx.MethexisError, match=r"^sweep: expected the folder of a sweep, got"):
        mx.open_sweep(tmp_path)


def test_a_second_driver_is_refused(copied: Path) -> None:
    with locked(copied, "sweep"), pytest.raises(mx.MethexisError) as error:
        do(copied)
    assert "expected to be alone at" in str(error.value)


def test_the_store_of_another_sweep_is_refused(copied: Path, tmp_path: Path) -> None:
    other = do(tmp_path / "other.sweep", spec(source={"dim_x": 2, "dim_y": 2, "seed": 1}))
    opened = sweeps.open_sweep(copied)
    ours, theirs = Folder(copied), Folder(other.path)
    shutil.rmtree(ours.store(opened.tasks[0]))
    shutil.copytree(theirs.store(other.tasks[0]), ours.store(opened.tasks[0]))
    again = do(copied, tries=1)
    assert list(again.lost) == [0]
    assert "expected the store of this task, got one of another sweep" in again.lost[0]
    assert ours.store(opened.tasks[0]).exists()  # it is somebody's


def test_a_damaged_store_is_refused(copied: Path) -> None:
    opened = sweeps.open_sweep(copied)
    one = Folder(copied)
    one.mark(opened.tasks[0]).unlink()
    chunk = next(p for p in one.store(opened.tasks[0]).rglob("c/*") if p.is_file())
    chunk.write_bytes(b"x" + chunk.read_bytes()[1:])
    again = do(copied, tries=1)
    assert "is not as it was written" in again.lost[0]


def test_a_lost_worker_counts_against_no_task(tmp_path: Path, finished: Path) -> None:
    """Each task loses its worker more often than it may raise."""
    flaky = Flaky(lambda turn: turn % 3 != 2)
    done = do(tmp_path / "s.sweep", executor=flaky, tries=1)
    assert done.done
    assert flaky.turn > 4
    assert sum(state.interrupted for state in done.states.values()) == flaky.turn - 2
    assert all(state.tries == 0 for state in done.states.values())
    assert same_bits(done, sweeps.open_sweep(finished))


def test_workers_that_all_die_end_the_driver_and_lose_nothing(tmp_path: Path) -> None:
    with pytest.raises(mx.MethexisError, match="losses in a row with no task done") as error:
        do(tmp_path / "s.sweep", executor=Flaky(lambda turn: turn > 0))
    assert "a process was killed" in str(error.value)
    opened = sweeps.open_sweep(tmp_path / "s.sweep")
    assert opened.counts == {"waiting": 1, "running": 0, "done": 1, "lost": 0}
    assert np.isnan(opened.data["loss"]).sum() == 4
    assert do(tmp_path / "s.sweep").done


def test_what_a_task_raises_counts_until_it_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    right = working.build

    def broken(config: Any, values: Any) -> Any:
        calls.append(config["students"][0]["width"])
        if config["students"][0]["width"] == 3:
            raise FloatingPointError("no such number")
        return right(config, values)

    monkeypatch.setattr(working, "build", broken)
    done = do(tmp_path / "s.sweep", tries=3)
    assert done.lost == {1: "FloatingPointError: no such number"}
    assert calls == [2, 3, 3, 3]
    assert done.states[done.tasks[1].name].tries == 3
    with pytest.raises(mx.MethexisError, match="task 1, which is lost"):
        done.run(1)
    assert do(tmp_path / "s.sweep").lost  # it stays lost until it is let
    assert sweeps.retry(done.path) == [1]
    monkeypatch.setattr(working, "build", right)
    assert do(tmp_path / "s.sweep").done
    with pytest.raises(mx.MethexisError, match="numbers of lost tasks, none, got 0"):
        sweeps.retry(done.path, [0])


@pytest.mark.parametrize("place", ["store", "mark", "journal", "head"])
def test_a_full_disk_is_a_sentence_and_nothing_is_lost(
    tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        target, name = {
            "store": (working, "put_folder"),
            "mark": (working, "put_file"),
            "journal": (driving.Journal, "write"),
            "head": (folder, "put_file"),
        }[place]
        patch.setattr(target, name, full)
        with pytest.raises(mx.MethexisError, match="No space left on device; nothing is lost"):
            do(tmp_path / "s.sweep")
    done = do(tmp_path / "s.sweep")
    assert all(state.tries == 0 for state in done.states.values())
    assert same_bits(done, sweeps.open_sweep(finished))


def test_a_worker_of_another_kind_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**folder.made_with(), "native": "another"}
    monkeypatch.setattr(working, "made_with", lambda: other)
    with pytest.raises(mx.MethexisError, match=r"^worker: expected native .* and not another"):
        do(tmp_path / "s.sweep")


def test_threads_are_an_executor_too(tmp_path: Path, finished: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = do(tmp_path / "s.sweep", executor=pool)
    assert same_bits(done, sweeps.open_sweep(finished))


def test_progress_is_told_in_steps_of_all_networks(tmp_path: Path) -> None:
    reports: list[Report] = []
    mx.sweep(spec(), tmp_path / "s.sweep", progress=reports.append)
    steps = [report.step for report in reports]
    assert steps == sorted(steps)
    assert steps[0] == 0
    assert steps[-1] == reports[-1].steps == 30 * 2 * 4
    assert steps.count(steps[-1]) == 1


def test_a_journal_that_was_torn_is_mended(copied: Path) -> None:
    journal = copied / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"task": "half')
    assert sweeps.open_sweep(copied).done
    assert do(copied).done
    assert journal.read_bytes() == whole


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"executor": 3}, "^executor: expected serial, processes, dask or anything with submit"),
        ({"executor": "threads"}, "^executor: expected one of 'serial'"),
        ({"executor": ThreadPoolExecutor}, "^executor: expected one that was made"),
        ({"executor": "processes", "workers": 0}, "^workers: expected an integer in"),
        ({"workers": 3}, "^workers: expected executor 'processes' or 'dask'"),
        ({"executor": "processes", "scheduler": "tcp://a:1"}, "^scheduler: expected executor"),
        ({"tries": 0}, "^tries: expected an integer in"),
        ({"again": 1}, "^again: expected True or False"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(mx.MethexisError, match=words):
        do(tmp_path / "s.sweep", **options)
    assert not (tmp_path / "s.sweep").exists()
