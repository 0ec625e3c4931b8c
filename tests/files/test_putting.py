"""Files and folders put in place: nothing of others goes, one writer at a time, kills mended."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import methexis as mx
from methexis.files import (
    alone,
    fill,
    is_staging,
    locked,
    put_file,
    put_folder,
    put_results,
    read_result,
    recover,
    settle,
)
from methexis.files.staging import MARK, Staging


@pytest.fixture(autouse=True)
def _own_locks(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("locks")))


def writes(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "content").write_text(text)

    return write


def anything(path: Path) -> None:
    del path


def test_a_folder_is_refused_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    put_folder(path, writes("old"), what="save")
    with pytest.raises(mx.MethexisError, match="expected a new path"):
        put_folder(path, writes("new"), what="save")
    put_folder(path, writes("new"), what="save", replaceable=anything)
    assert (path / "content").read_text() == "new"
    assert os.listdir(tmp_path) == ["a"]


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    put_folder(tmp_path / "a", writes("old"), what="save")
    (tmp_path / "link").symlink_to("a")
    put_folder(tmp_path / "link", writes("new"), what="save", replaceable=anything)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a" / "content").read_text() == "new"


def test_what_a_kill_between_the_renames_left_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "a"
    put_folder(path, writes("old"), what="save")
    staging = Staging(tmp_path, "a")
    path.rename(staging.old)
    recover(path)
    assert (path / "content").read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_only_what_carries_the_mark_is_swept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    staging = Staging(tmp_path, "a")
    name = staging.folder.name
    staging.remove()
    strangers = [tmp_path / f"{name[:-4]}{k}" for k in range(3)]
    for folder in strangers[:2]:
        folder.mkdir()
        (folder / "mine").write_text("x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / MARK).touch()
    (outside / "mine").write_text("x")
    strangers[2].symlink_to(outside)
    (strangers[1] / MARK).mkdir()  # not our mark, which is a file
    other = Staging(tmp_path, "another")
    put_folder(path, writes("new"), what="save")
    for folder in (*strangers, outside):
        assert (folder / "mine").read_text() == "x"
    assert other.folder.is_dir()


def test_half_of_a_removed_folder_is_never_put_back(tmp_path: Path) -> None:
    path = tmp_path / "a"
    staging = Staging(tmp_path, "a")
    writes("old")(staging.old)
    staging.old.rename(staging.folder / "gone")  # the kill came while the old one was removed
    recover(path)
    assert not path.exists()
    assert not any(tmp_path.iterdir())


def test_who_was_overtaken_is_told_and_keeps_the_other(tmp_path: Path) -> None:
    """Writers that share no lock, on two machines: the renames decide."""
    path = tmp_path / "a"

    def slow(folder: Path) -> None:
        writes("mine")(folder)
        writes("theirs")(path)

    with pytest.raises(mx.MethexisError, match="another process that wrote there first"):
        put_folder(path, slow, what="save")
    assert (path / "content").read_text() == "theirs"

    def replaced(folder: Path) -> None:
        writes("mine")(folder)
        path.rename(tmp_path / "moved")
        writes("newer")(path)

    with pytest.raises(mx.MethexisError, match="another process that wrote there first"):
        put_folder(path, replaced, what="save", replaceable=anything)
    assert (path / "content").read_text() == "newer"
    assert sorted(os.listdir(tmp_path)) == ["a", "moved"]


def test_a_lock_is_held_by_one_thread(tmp_path: Path) -> None:
    said: list[str] = []

    def second() -> None:
        try:
            with locked(tmp_path / "." / "a", "save"):
                said.append("in")
        except mx.MethexisError as error:
            said.append(str(error))

    with locked(tmp_path / "a", "save"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    second()
    assert "expected to be alone" in said[0]
    assert said[1] == "in"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork, which this system lacks")
@pytest.mark.parametrize("num_writers", [2, 3])
@pytest.mark.parametrize("force", [False, True])
def test_of_several_processes_one_result_is_left(
    tmp_path: Path, num_writers: int, force: bool
) -> None:
    for k in range(10):
        path = tmp_path / f"a{k}"
        begin, end = os.pipe()
        children = []
        for n in range(num_writers):
            if (pid := os.fork()) == 0:
                try:
                    os.close(end)
                    os.read(begin, 1)  # all at once
                    put_folder(
                        path, writes(str(n)), what="save", replaceable=anything if force else None
                    )
                    os._exit(0)
                except mx.MethexisError:
                    os._exit(3)
                finally:
                    os._exit(1)
            children.append(pid)
        os.close(begin)
        os.close(end)
        codes = Counter(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children)
        assert codes.keys() <= {0, 3}
        assert codes[0] >= 1
        assert force or codes[0] == 1
        assert (path / "content").read_text() in "012"
        assert [name for name in os.listdir(tmp_path) if is_staging(name)] == []


def test_a_failed_file_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def fails(new: Path) -> None:
        new.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        put_file(path, fails)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]
    with alone(path, "file"):
        put_file(path, lambda new: anything(Path(str(new.write_text("new")))))
    assert path.read_text() == "new"


def results(*names: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name in (*names, "result.json"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(json.dumps({"names": len(names)}))

    return write


def test_results_are_replaced_as_listed_and_nothing_else(tmp_path: Path) -> None:
    put_results(tmp_path, results("a", "figures/a.pdf", "figures/b.pdf"))
    (tmp_path / "figures" / "paper.pdf").write_text("mine")
    (tmp_path / "figures" / "b.pdf").write_text("annotated")
    put_results(tmp_path, results("figures/c.pdf"))
    assert sorted(os.listdir(tmp_path / "figures")) == ["b.pdf", "c.pdf", "paper.pdf"]
    assert not (tmp_path / "a").exists()
    assert read_result(tmp_path) == {"names": 1}
    with pytest.raises(mx.MethexisError, match=r"where .*paper\.pdf goes, got another file"):
        put_results(tmp_path, results("figures/paper.pdf"))
    assert (tmp_path / "figures" / "paper.pdf").read_text() == "mine"
    assert read_result(tmp_path) == {"names": 1}


def test_a_list_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    out = tmp_path / "out"
    put_results(out, results("a"))
    listed = (out / ".methexis.json").read_text()
    (out / ".methexis.json").write_text(listed.replace('"a"', '"../victim"'))
    put_results(out, results("b"))
    assert victim.read_text() == "mine"


def test_a_result_that_was_changed_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(mx.MethexisError, match="got none"):
        read_result(tmp_path)
    put_results(tmp_path, results("a"))
    (tmp_path / "a").write_text("changed")
    with pytest.raises(mx.MethexisError, match="got other content"):
        read_result(tmp_path)
    (tmp_path / "a").unlink()
    with pytest.raises(mx.MethexisError, match="expected a in"):
        read_result(tmp_path)


def test_links_in_the_way_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "figures").symlink_to("../elsewhere")
    with pytest.raises(mx.MethexisError, match="got a link"):
        fill(out, results("figures/a"), last="result.json", what="out", replaceable=lambda _: True)
    settle(out, "result.json")
    assert os.listdir(out) == ["figures"]
    assert not any((tmp_path / "elsewhere").iterdir())
