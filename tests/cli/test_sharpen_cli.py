"""``methexis sharpen`` as a person meets it: in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import call


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("egde",), "got 'egde'; did you mean 'edge'?"),
        ((), "error: case: expected a name, or all, got none"),
        (("edge", "--seed", "-1"), "error: seed: expected an integer in [0, 4294967296]"),
        (("edge", "--out", "a-file"), "error: out: expected a folder, got the file a-file"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("mine")
    done = call("sharpen", *words, "--quick", cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1


def test_results_are_written_and_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = call("sharpen", "edge", "--quick", "--json", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((out / "result.json").read_text())
    again = call("sharpen", "edge", "--quick", "--out", str(out))
    assert again.returncode == 2
    assert "with results in it; give another --out, or --force" in again.stderr
