"""Report and terminal of `sharpen`: pictures are plain data, and what was found is there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from methexis.report import print_case, print_sharpen, write_sharpen_report
from methexis.report.sharpening.figures import figures
from methexis.scenarios import chosen_cases, run_sharpen
from methexis.scenarios.sharpening.result import SharpenResult
from tests.report.roundtrip import assert_plain

#: With a control and without.
CASES = ("one-force", "edge")


@cache
def result() -> SharpenResult:
    cases = [case for name in CASES for case in chosen_cases(name)]
    return run_sharpen(cases, quick=True, seed=0, command="methexis sharpen")


def names() -> set[str]:
    return {
        f"{one.found.case.name.replace('-', '_')}_{quantity}"
        for one in result().results
        for quantity in one.found.quantities
    }


@pytest.mark.long  # draws every picture twice; other verbs' are drawn in the short tests
def test_every_picture_survives_json() -> None:
    assert_plain(figures(result()), names())


def test_the_page_has_every_case(tmp_path: Path) -> None:
    text = write_sharpen_report(result(), tmp_path).read_text(encoding="utf-8")
    assert text.count("<svg") == len(names())
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == names()
    for one in result().results:
        assert one.found.case.claim in text
    assert "src=" not in text  # nothing is loaded from elsewhere


def test_the_terminal_has_every_check(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for one in result().results:
        print_case(one)
    print_sharpen(result(), tmp_path)
    printed = " ".join(capsys.readouterr().out.split())
    for one in result().results:
        assert one.found.case.title in printed
        for check in one.checks:
            assert f"{check.name}: {check.found}; expected" in printed
    assert ("PASS" in printed) == result().passed
