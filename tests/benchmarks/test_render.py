"""The pages that `make docs` writes from the benchmarks' results are those that are committed."""

from __future__ import annotations

import json

import pytest

from benchmarks import render
from benchmarks.engine.page import RESULT, page
from benchmarks.processes import ROOT


def test_pages_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert render.main(["--check"]) == 0, capsys.readouterr().out


def test_passes_are_told_where_they_were_measured() -> None:
    result = json.loads((ROOT / RESULT).read_text(encoding="utf-8"))
    for c in result["ceilings"]:
        c |= {"passes": {"back": 0.25, "draws": 0.5}, "fraction_of_passes": 0.75, "most": 0.5}
    text = page(result)
    assert "| 0.25 | 0.5 | 0.75 |" in text
    assert "a function for one stream" not in text  # how draws were timed before


def test_a_page_without_its_marks_is_refused() -> None:
    assert render.within("<!-- a:begin -->\nold\n<!-- a:end -->", "a", "new\n").count("new") == 1
    with pytest.raises(SystemExit, match="expected one pair of b marks, found 0"):
        render.within("", "b", "")
