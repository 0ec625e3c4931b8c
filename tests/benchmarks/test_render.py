"""The pages that `make docs` writes from the benchmarks' results are those that are committed."""

from __future__ import annotations

import pytest

from benchmarks import render


def test_pages_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert render.main(["--check"]) == 0, capsys.readouterr().out


def test_a_page_without_its_marks_is_refused() -> None:
    assert render.within("<!-- a:begin -->\nold\n<!-- a:end -->", "a", "new\n").count("new") == 1
    with pytest.raises(SystemExit, match="expected one pair of b marks, found 0"):
        render.within("", "b", "")
