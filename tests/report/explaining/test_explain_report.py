"""The report of `explain` says what was found, in words and numbers, once in page and terminal."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from methexis.report import print_explain, write_explain_report
from tests.report.explain_results import explained


def text_of(page: Path) -> str:
    body = re.sub(r"<(style|svg)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 2), (3, None)])
def test_page_and_terminal_say_the_same(
    rows: int, columns: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = explained(rows, columns)
    page = text_of(write_explain_report(result, tmp_path))
    print_explain(result, tmp_path)
    printed = " ".join(capsys.readouterr().out.split())
    words = " ".join(result.conclusion.split())
    assert words in page
    assert words in printed
    best = result.single or result.found.best()
    for rung in best.rungs:
        assert f"{100 * rung.share:z.1f} %".replace("-", "−") in page
    assert len(list((tmp_path / "figures").glob("*.pdf"))) == (1 if result.single else 2)


def test_all_that_is_known_is_in_the_summary() -> None:
    summary = json.loads(json.dumps(explained(1, 1).summary()))
    [pair] = summary["pairs"]
    assert pair["rung"] in {one["name"] for one in pair["rungs"]} | {None}
    assert {"sides", "ancestry", "movers", "notes", "sentence"} <= pair.keys()
    assert summary["command"] == "methexis explain left right"
