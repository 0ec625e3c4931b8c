"""docs/guides/sweeping.md: its specification, its Python and its commands do what it says."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

from tests.cli.test_cli import invoke
from tests.docs import guides

PAGE = guides.FOLDER / "sweeping.md"


def specification() -> str:
    match = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert match is not None
    return match[1]


def test_the_guide_is_true(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text(specification())
    (tmp_path / "broken.toml").write_text(specification().replace("steps", "stepps"))
    broken, swept, reported = guides.commands(PAGE)
    done = invoke(*broken[0][1:], cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == broken[1]
    done = invoke(*swept[0][1:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["states"]["done"] == 4
    with contextlib.chdir(tmp_path):
        results, _, report = guides.run(PAGE)
    assert results.attempted > 12
    assert results.failed == 0, report
    done = invoke(*reported[0][1:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "methexis-sweep-edge" / "report.html").read_text("utf-8")
    assert "Broken line: predicted edge: η λ = 2 at the Platonic minimum" in page
