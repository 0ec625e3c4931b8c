"""``methexis sharpen`` as a person meets it; in a process of its own where that matters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from methexis.scenarios import CASES
from tests.cli.test_cli import call, invoke


def test_help_and_list() -> None:
    done = call("sharpen", "--help")
    assert done.returncode == 0
    assert "Example: methexis sharpen one-force" in done.stdout
    listed = invoke("sharpen", "--list")
    assert listed.returncode == 0
    assert [line.split(":")[0] for line in listed.stdout.splitlines()] == list(CASES)
    assert json.loads(invoke("sharpen", "--list", "--json").stdout) == {
        name: case.claim for name, case in CASES.items()
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("egde",), "got 'egde'; did you mean 'edge'?"),
        ((), "error: case: expected a name, or all, got none"),
        (("edge", "--seed", "-1"), "error: --seed: expected an integer in [0, 4294967296]"),
        (("edge", "--out", "a-file"), "error: --out: expected a folder, got the file a-file"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("mine")
    done = invoke("sharpen", *words, "--quick", cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


def test_results_are_written_and_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = call("sharpen", "edge", "--quick", "--json", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((out / "result.json").read_text())
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = invoke("sharpen", "edge", "--quick", "--out", str(out))
    assert again.returncode == 2
    assert "with results in it; give another --out, or --force" in again.stderr
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    forced = invoke("sharpen", "edge", "--quick", "--seed", "1", "--force", "--out", str(out))
    assert forced.returncode == 0, forced.stderr
    assert "1 of 1 cases as predicted" in forced.stdout
    assert max(map(len, forced.stdout.splitlines())) <= 80 or str(out) in forced.stdout
    replaced = json.loads((out / "result.json").read_text())
    assert replaced["command"] == "methexis sharpen edge --quick --seed 1"
    names = [".methexis.json", "figures", "report.html", "result.json"]
    assert sorted(path.name for path in out.iterdir()) == names
