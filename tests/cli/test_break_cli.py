"""``methexis break`` as a person meets it; in a process of its own where that matters."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from methexis.scenarios import SCENARIOS
from tests.cli.test_cli import call, invoke


def test_help_and_list() -> None:
    done = call("break", "--help")
    assert done.returncode == 0
    assert "Example: methexis break sampling" in done.stdout
    listed = invoke("break", "--list")
    assert [line.split(":")[0] for line in listed.stdout.splitlines()] == list(SCENARIOS)
    assert list(json.loads(invoke("break", "--list", "--json").stdout)) == list(SCENARIOS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("samplign",), "got 'samplign'; did you mean 'sampling'?"),
        ((), "error: scenario: expected a name, or all, got none"),
        (("sampling", "--seed", "-1"), "error: --seed: expected an integer in [0, 4294967296]"),
        (("sampling", "--out", "a-file"), "error: --out: expected a folder, got the file a-file"),
        (
            ("sampling", "--out", "a-file/b"),
            "error: cannot write or read a-file/b: Not a directory",
        ),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("mine")
    done = invoke("break", *words, "--quick", cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert (tmp_path / "a-file").read_text() == "mine"


def test_results_are_written_and_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = call("break", "sampling", "--quick", "--json", "--out", str(out))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((out / "result.json").read_text())
    assert found["command"] == "methexis break sampling --quick"
    assert found["agrees"] is True
    assert [s["name"] for s in found["scenarios"]] == ["sampling"]
    assert (out / "report.html").stat().st_size > 20_000
    assert len(list((out / "figures").glob("*.pdf"))) == 2
    assert "..." in done.stderr or done.stderr == ""  # plain lines, no escapes
    assert "\x1b" not in done.stderr
    before = (out / "result.json").stat().st_mtime_ns
    again = invoke("break", "sampling", "--quick", "--out", str(out))
    assert again.returncode == 2
    assert "with results in it; give another --out, or --force" in again.stderr
    assert (out / "result.json").stat().st_mtime_ns == before
    assert sorted(os.listdir(out)) == [".methexis.json", "figures", "report.html", "result.json"]
