"""``methexis sweep`` as a person meets it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from methexis.files import locked
from tests.cli.test_cli import invoke
from tests.sweeps.small import TOML


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.toml").write_text(TOML)
    return tmp_path


def test_help_has_an_example() -> None:
    done = invoke("sweep", "--help")
    assert done.returncode == 0
    assert "Example: methexis sweep edge.toml --executor processes" in done.stdout


def test_from_a_file_to_a_report(folder: Path) -> None:
    done = invoke("sweep", "small.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert told.startswith("4 cells in 2 tasks, all done. The worst pair of layers is most")
    assert "tasks: 2 done" in told
    assert sorted(os.listdir(folder)) == ["small.sweep", "small.toml"]
    again = invoke("sweep", "small.toml", "--json", cwd=folder)
    assert again.returncode == 0
    assert json.loads(again.stdout)["states"] == {"waiting": 0, "running": 0, "done": 2, "lost": 0}
    status = invoke("sweep", "status", "small.sweep", "--json", cwd=folder)
    assert json.loads(status.stdout) == json.loads(again.stdout)
    report = invoke("sweep", "report", "small.sweep", cwd=folder)
    assert report.returncode == 0, report.stderr
    assert (folder / "methexis-sweep-small" / "report.html").exists()
    assert "report: methexis-sweep-small/report.html" in report.stdout
    refused = invoke("sweep", "report", "small.sweep", cwd=folder)
    assert refused.returncode == 2
    retry = invoke("sweep", "retry", "small.sweep", cwd=folder)
    assert retry.returncode == 0
    assert retry.stderr.startswith("0 lost tasks wait again")


def test_a_task_that_is_lost_ends_with_status_one(folder: Path) -> None:
    done = invoke("sweep", "small.toml", cwd=folder)
    store = next((folder / "small.sweep" / "tasks").glob("*.zarr"))
    next(p for p in store.rglob("c/*") if p.is_file()).write_bytes(b"x")
    next((folder / "small.sweep" / "marks").glob(f"{store.stem}.npz")).unlink()
    done = invoke("sweep", "small.toml", "--tries", "1", cwd=folder)
    assert done.returncode == 1
    assert "raised 1 times: open_run: expected a saved run" in " ".join(done.stdout.split())
    assert "methexis sweep retry small.sweep lets them wait again" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gone.toml",), "spec: expected a TOML file, got gone.toml: No such file"),
        (("small.toml", "more"), "expected FILE.toml, or one of status, retry, report"),
        (("status",), "expected the folder of a sweep after status, got 0 words"),
        (("status", "small.toml"), "expected the folder of a sweep, got"),
        (("small.toml", "--executor", "slurm"), "--executor: expected one of 'serial'"),
        (("small.toml", "--workers", "2"), "--workers: expected executor"),
        (("small.toml", "--out", "small.toml"), "--out: expected a new or empty folder"),
    ],
)
def test_what_cannot_be_is_a_sentence(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = invoke("sweep", *words, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert os.listdir(folder) == ["small.toml"]


def test_a_second_command_on_the_same_sweep_is_refused(folder: Path) -> None:
    with locked(folder / "small.sweep", "sweep"):
        done = invoke("sweep", "small.toml", cwd=folder)
    assert done.returncode == 2
    assert "expected to be alone at" in done.stderr
