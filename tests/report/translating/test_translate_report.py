"""The report of `translate` says what was found, in words and numbers, in page and terminal."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from methexis.report import print_translate, write_translate_report
from methexis.report.translating import words
from methexis.transport.words import share
from tests.report.translate_results import translated

VERDICTS = {"related": "translate", "of one width": "translate", "unrelated": "do not translate"}


def text_of(page: Path) -> str:
    body = re.sub(r"<(style|svg)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize("kind", VERDICTS)
def test_page_and_terminal_say_the_same(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = translated(kind)
    page = text_of(write_translate_report(result, tmp_path))
    print_translate(result, tmp_path)
    lines = capsys.readouterr().out
    printed = " ".join(lines.split())
    sentence = " ".join(result.conclusion.split())
    assert sentence in page
    assert sentence in printed
    assert VERDICTS[kind] == words.verdict(result.translation)
    assert VERDICTS[kind] in page
    certificate = result.translation.certificate
    for name, one in certificate.rows():
        assert name in page
        assert name in printed
        for value in (*one.share, *one.top1):
            assert share(value) in page
            assert share(value).removesuffix(" %") in printed
    assert ("same coordinates" in page) == (kind == "of one width")
    assert len(list((tmp_path / "figures").glob("*.pdf"))) == 1
    paths = ("maps:", "report:")  # which are as long as they are
    assert max(len(one) for one in lines.splitlines() if not one.startswith(paths)) <= 80


def test_all_that_is_known_is_in_the_summary() -> None:
    summary = json.loads(json.dumps(translated().summary()))
    assert {"map", "ridge", "certificate", "notes", "sentence"} <= summary["translation"].keys()
    certificate = summary["translation"]["certificate"]
    assert {"worth", "identity", "shuffled", "few", "predicts", "matches"} <= certificate.keys()
    assert summary["command"] == "methexis translate left right"


@pytest.mark.parametrize(
    ("can", "said"),
    [
        ((True, True), "translate"),
        ((False, True), "match only"),
        ((True, False), "predict only"),
        ((False, False), "do not translate"),
    ],
)
def test_every_verdict_has_its_words(can: tuple[bool, bool], said: str) -> None:
    translation = translated().translation
    certificate = replace(translation.certificate, predicts=can[0], matches=can[1])
    assert words.verdict(replace(translation, certificate=certificate)) == said
