"""The report of `translate --unpaired` says what supports the maps, in page and terminal alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from methexis.report import print_unpaired, write_report
from methexis.report.translating import words
from methexis.transport.words import limits_unpaired, share
from tests.report.translate_results import translated_unpaired
from tests.report.translating.test_translate_report import text_of

KINDS = ("the same", "nothing alike")


@pytest.mark.parametrize("kind", KINDS)
def test_page_and_terminal_say_the_same(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = translated_unpaired(kind)
    page = text_of(write_report(result, tmp_path))
    print_unpaired(result, tmp_path)
    lines = capsys.readouterr().out
    printed = " ".join(lines.split())
    certificate = result.translation.certificate
    assert certificate.found == (kind == "the same")
    for said in (" ".join(result.conclusion.split()), share(certificate.top1)):
        assert said in page
        assert said in printed
    for name, value in words.support(result.translation):
        assert f"{name} {value}" in page
        assert f"{name} {value}" in printed
    for note in result.notes:
        assert f"{note}." in page
        assert note in printed
    assert ("do not translate" in page) == (kind == "nothing alike")
    assert ("not to be relied on" in page) == (kind == "nothing alike")
    assert ("neither side has anything of its own" in page) == (kind == "nothing alike")
    assert [one.name for one in (tmp_path / "figures").iterdir()] == ["overlay.pdf"]
    paths = ("maps:", "report:")  # which are as long as they are
    assert max(len(one) for one in lines.splitlines() if not one.startswith(paths)) <= 80


def test_all_that_is_known_is_in_the_summary() -> None:
    result = translated_unpaired("nothing alike")
    summary = json.loads(json.dumps(result.summary()))
    assert summary["conclusion"] == result.translation.sentence
    assert summary["translation"]["n"] == [400, 300]
    assert summary["translation"]["certificate"]["found"] is False
    assert summary["notes"] == list(result.notes)
    assert summary["settings"] == {
        "map": "auto", "shared": False, "preprocessing": "none", "seed": 0
    }  # fmt: skip


@pytest.mark.parametrize("certified", [True, False])
@pytest.mark.parametrize("assuming", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_notes_say_what_is_assumed_and_how_to_go_on(
    certified: bool, assuming: bool, shared: bool
) -> None:
    said = "\n".join(limits_unpaired(certified, assuming, shared, (3, 1200)))
    assert ("neither side has anything of its own" in said) == assuming
    assert ("said to hold the same samples" in said) == shared
    assert ("More rows help most" in said) == (not certified)
    assert ("or --shared" in said) == (not certified and not shared)
    assert "Row 3 of A and row 1,200 of B were taken for a pair" in said
