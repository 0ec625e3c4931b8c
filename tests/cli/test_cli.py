"""The command line as a person meets it: in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from typer.testing import CliRunner

import methexis as mx
from methexis.cli.app import app

QUICK = ("verify", "--easy", "--replicas", "2", "--seed", "1", "--no-three-ways")


def call(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from methexis.cli import main; main()", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def invoke(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The same without a process of its own, which costs more than most commands do.

    That `call` gives the same is tested once per way in which a command ends.
    """
    typed = mock.patch.object(sys, "argv", ["methexis", *words])
    with contextlib.chdir(cwd or Path.cwd()), typed:
        done = CliRunner().invoke(app, words)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def test_a_process_says_the_same(tmp_path: Path) -> None:
    for words in (("verify", "--easy", "--lr", "5"), ("compare", "gone.npy", "gone.npy")):
        one, other = call(*words, cwd=tmp_path), invoke(*words, cwd=tmp_path)
        assert one.returncode == other.returncode == 2
        assert one.stderr == other.stderr
        assert one.stderr.splitlines()[-1].startswith("error: ")
        assert one.stdout == other.stdout == ""


def test_help_is_fast() -> None:
    """Under 0.3 s (best of five: the machine may be busy with other things)."""
    best = np.inf
    for _ in range(5):
        began = time.perf_counter()
        done = call("--help")
        best = min(best, time.perf_counter() - began)
        assert done.returncode == 0
        assert "verify" in done.stdout
    assert best < 0.3


@pytest.mark.parametrize(
    "words", [("engine", "--quick"), ("measures", "--only", "truth"), ("--help",)]
)
def test_the_old_verb_names_its_successor(words: tuple[str, ...]) -> None:
    """Benchmarks are no part of the wheel; who types the verb of before is told where they are."""
    done = invoke("bench", *words)
    assert done.returncode == 2
    assert "`make bench`" in done.stderr
    assert "`make bench-measures`" in done.stderr
    assert (done.stderr.count("\n"), done.stdout) == (1, "")
    assert "bench" not in invoke("--help").stdout


def test_help_of_a_verb_has_an_example() -> None:
    done = call("verify", "--help")
    assert done.returncode == 0
    assert "Example: methexis verify" in done.stdout
    assert call("--version").stdout.strip() == f"methexis {mx.__version__}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("--noise", "pink"),
            "error: --noise: expected one of 'isotropic', 'anisotropic', got 'p",
        ),
        (("--steps", "0"), "error: --steps: expected an integer in [1, 10000000000], got 0"),
        (("--lr", "5"), "error: --lr: expected lr < "),
        (("--lr", "nan"), "error: --lr: expected a finite number > 0, got nan"),
        (("--replicas", "1"), "error: --replicas: expected at least 2"),
        (("--batch", "0"), "error: --batch: expected an integer >= 1, got 0"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, words: tuple[str, ...], expected: str) -> None:
    out = tmp_path / "out"
    done = invoke("verify", "--easy", "--out", str(out), *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not list(out.glob("*")) if out.exists() else True


def test_out_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    for out in (blocked, blocked / "below"):
        done = invoke(*QUICK, "--steps", "10", "--out", str(out))
        assert done.returncode == 2
        assert done.stderr.count("error:") == 1
        assert "Traceback" not in done.stderr
    assert blocked.read_text() == "in the way"


def test_verify_writes_everything_and_refuses_to_overwrite(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = (*QUICK, "--steps", "400", "--out", str(out))
    done = call(*words, "--json")
    assert done.returncode == 1  # far too short a run: FAIL
    printed = json.loads(done.stdout)
    assert printed["passed"] is False
    assert {p.name for p in out.iterdir()} == {
        ".methexis.json",
        "control.zarr",
        "figures",
        "report.html",
        "result.json",
        "run.zarr",
    }
    stored = json.loads((out / "result.json").read_text())
    assert stored["worst_pair"] == printed["worst_pair"]
    run = mx.open_run(out / "run.zarr")
    median = float(np.median(run.worst_pair()[-1]))
    assert printed["worst_pair"]["final_median"] == pytest.approx(median, rel=1e-15)
    again = invoke(*words)
    assert again.returncode == 2
    assert "--force" in again.stderr
    forced = invoke(*words, "--force")
    assert forced.returncode == 1
    assert "FAIL" in forced.stdout
    assert max(len(line) for line in forced.stdout.splitlines()[:-1]) <= 80
    same = mx.open_run(out / "run.zarr")
    for a, b in zip(run.weights, same.weights, strict=True):
        assert all(np.array_equal(v, w) for v, w in zip(a, b, strict=True))


@pytest.mark.long
def test_three_ways_are_printed_and_stored(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = invoke(*QUICK[:-1], "--steps", "3000", "--out", str(out))
    assert done.returncode == 1
    assert "How samples are drawn decides" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()[:-1]) <= 80
    stored = json.loads((out / "result.json").read_text())["three_ways"]
    assert [way["name"] for way in stored] == ["i.i.d.", "shuffled", "whitened"]
    for way, name in zip(stored, ("iid", "shuffled", "whitened"), strict=True):
        run = mx.open_run(out / "three-ways" / f"{name}.zarr")
        assert way["raw"] == pytest.approx(float(np.median(run.worst_pair()[-1])), rel=1e-15)
        assert run.provenance["sampling"] == way["sampling"]


LONG = (*QUICK, "--steps", "600000")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    call(*LONG, "--out", str(folder))
    return folder


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.long)]
)
def test_an_interrupted_command_goes_on_to_the_same_bits(
    tmp_path: Path, whole: Path, how: int
) -> None:
    out = tmp_path / "out"
    words = [*LONG, "--out", str(out), "--checkpoint-every", "0.2"]
    # A background job's children start with Ctrl-C ignored; a person's command does not.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    process = subprocess.Popen(
        [sys.executable, "-c", heed + "from methexis.cli import main; main()", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not list(out.glob("checkpoint-*.npz")):
        assert time.monotonic() < deadline, "no checkpoint within a minute"
        assert process.poll() is None, "the run ended before its first checkpoint"
        time.sleep(0.02)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert b"Traceback" not in errors
    assert not (out / "result.json").exists()
    call(*words)
    assert not list(out.glob("checkpoint-*"))
    first, second = mx.open_run(whole / "run.zarr"), mx.open_run(out / "run.zarr")
    for a, b in zip(first.weights, second.weights, strict=True):
        assert all(np.array_equal(v, w) for v, w in zip(a, b, strict=True))
    assert first.data.equals(second.data)


@pytest.mark.parametrize(
    ("asked", "encoding", "shown"),
    [
        ({"PYTHONIOENCODING": "cp1252"}, "cp1252", "along ? = ?B/?"),
        ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, "utf-8", "along κ = γB/η"),
    ],
)
def test_streams_without_greek_letters_are_written(
    asked: dict[str, str], encoding: str, shown: str
) -> None:
    """As on Windows, where what goes to a file is in an encoding of Western Europe."""
    others = {"PYTHONIOENCODING", "PYTHONUTF8", "LANG", "LC_ALL"}
    kept = {name: value for name, value in os.environ.items() if name not in others}
    done = subprocess.run(
        [sys.executable, "-m", "methexis", "break", "--list"],
        env=kept | asked, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout.decode(encoding)
