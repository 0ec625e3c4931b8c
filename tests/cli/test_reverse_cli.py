"""``methexis reverse`` as a person meets it; in a process of its own where that matters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from methexis.scenarios import REVERSALS
from tests.cli.test_cli import call, invoke


def test_help_and_list() -> None:
    done = call("reverse", "--help")
    assert done.returncode == 0
    assert "Example: methexis reverse steps" in done.stdout
    listed = invoke("reverse", "--list")
    assert [line.split(":")[0] for line in listed.stdout.splitlines()] == list(REVERSALS)
    assert list(json.loads(invoke("reverse", "--list", "--json").stdout)) == list(REVERSALS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("odrer",), "got 'odrer'; did you mean 'order'?"),
        ((), "error: scenario: expected a name, or all, got none; methexis reverse --list"),
        (("order", "--seed", "-1"), "error: --seed: expected an integer in [0, 4294967296]"),
        (("order", "--out", "a-file"), "error: --out: expected a folder, got the file a-file"),
        (("order", "--out", "a-file/b"), "error: cannot write or read a-file/b: Not a directory"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("mine")
    done = invoke("reverse", *words, "--quick", cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert (tmp_path / "a-file").read_text() == "mine"


def test_results_are_written_and_not_overwritten(tmp_path: Path) -> None:
    done = call("reverse", "order", "--quick", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "methexis-reverse-order"  # the default
    found = json.loads(done.stdout)
    assert found == json.loads((out / "result.json").read_text())
    assert found["command"] == "methexis reverse order --quick"
    assert found["agrees"] is True
    assert (out / "report.html").stat().st_size > 20_000
    assert len(list((out / "figures").glob("*.pdf"))) == 2
    assert "\x1b" not in done.stderr
    before = (out / "result.json").read_bytes()
    again = invoke("reverse", "order", "--quick", cwd=tmp_path)
    assert again.returncode == 2
    assert "with results in it; give another --out, or --force" in again.stderr
    assert (out / "result.json").read_bytes() == before
    forced = invoke("reverse", "order", "--quick", "--force", cwd=tmp_path)
    assert forced.returncode == 0
    assert "AGREES  1 of 1 scenarios with theory" in forced.stdout
    assert max(map(len, forced.stdout.splitlines())) <= 80
