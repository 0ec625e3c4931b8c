"""The benchmarks' command as a person meets it, and that `make` and the old verb lead there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.processes import ROOT


def test_help_says_how_to_install_the_peers() -> None:
    """In a process of its own, as `make bench` starts it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "engine", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "requirements/bench.txt" in done.stdout
    assert "Example: python -m benchmarks engine" in done.stdout
    both = CliRunner().invoke(app, ["--help"]).output
    assert "engine" in both
    assert "measures" in both


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--rounds", "0"), "error: rounds: expected an integer >= 1, got 0"),
        (("--seconds", "nan"), "error: seconds: expected a number in (0, 60], got nan"),
        (("--dtype", "float16"), "error: dtype: expected one of"),
        (("--threads", "0"), "error: threads: expected an integer in"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], expected: str) -> None:
    done = CliRunner().invoke(app, ["engine", *words])
    assert done.exit_code == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


def test_out_that_is_a_file(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    done = CliRunner().invoke(app, ["engine", "--quick", "--out", str(blocked)])
    assert done.exit_code == 2
    assert "expected a folder" in done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("bench", "BENCH=--quick"), "-m benchmarks engine --out benchmarks/results --quick"),
        (
            ("bench-measures", "BENCH=--only truth"),
            "-m benchmarks measures --out benchmarks/results --only truth",
        ),
        (
            ("bench-transport", "BENCH=--only gauge"),
            "-m benchmarks transport --out benchmarks/results --only gauge",
        ),
    ],
)
def test_make_passes_options_on(words: tuple[str, ...], expected: str) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.rstrip().endswith(expected)
    truth = "truth" in words[1]  # for which no package is needed
    assert ("build/bench-measures/bin/python" in done.stdout) <= (not truth)
