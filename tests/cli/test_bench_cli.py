"""``methexis bench engine`` as a person meets it: in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def call(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from methexis.cli import main; main()", "bench", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_says_how_to_install_the_peers() -> None:
    done = call("engine", "--help")
    assert done.returncode == 0
    assert "requirements/bench.txt" in done.stdout
    assert "Example: methexis bench engine" in done.stdout
    assert "engine" in call("--help").stdout


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
    done = call("engine", *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_out_that_is_a_file(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    done = call("engine", "--quick", "--out", str(blocked))
    assert done.returncode == 2
    assert "expected a folder" in done.stderr
