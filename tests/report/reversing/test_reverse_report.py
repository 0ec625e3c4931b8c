"""Report and terminal of `reverse`: what was found is there, disagreement too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from methexis.plots import style
from methexis.report import print_reversal, print_reverse, write_reverse_report
from methexis.report.reversing import figures
from methexis.report.reversing.text import rounded
from methexis.scenarios.irreversibility import ReverseResult
from tests.report.reverse_results import made_up, several


def text_of(result: ReverseResult, out: Path) -> str:
    return write_reverse_report(result, out).read_text(encoding="utf-8")


def test_all_of_them_on_one_page(tmp_path: Path) -> None:
    found = [made_up(name) for name in ("steps", "batch", "order")]
    text = text_of(several(*found), tmp_path)
    assert text.count("<svg") == 8  # two each, and the overview in two layouts
    for one in found:
        assert one.scenario.claim in text
        assert f'href="#{one.scenario.name}"' in text
        assert f'id="{one.scenario.name}"' in text
    rows = text.count("<tr><td>") + text.count('<tr class="bad"><td>')
    assert rows >= sum(len(one.points) for one in found)
    assert ">AGREES<" in text
    assert "Further tests" in text
    assert "src=" not in text  # nothing is loaded from elsewhere


def test_disagreement_and_outliers_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = made_up("batch", off=8.0)
    assert not found.agrees
    text = text_of(several(found), tmp_path)
    assert ">DISAGREES<" in text
    assert "Beyond 3 σ: shuffled epochs, B = 16" in text
    print_reversal(found, rows=False)
    print_reverse(several(found), tmp_path)
    printed = capsys.readouterr().out
    assert "✗ shuffled epochs" in printed
    assert "✓ with replacement" in printed
    assert "DISAGREES  not batch" in printed
    assert max(map(len, printed.splitlines())) <= 80 or str(tmp_path) in printed


def test_a_broken_law_is_a_disagreement(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = replace(made_up("batch"), law=1e-6)
    assert not found.agrees
    print_reversal(found, rows=False)
    assert "✗ charges: law kept within 1e-06" in capsys.readouterr().out
    assert ">DISAGREES<" in text_of(several(found), tmp_path)


def test_quick_runs_say_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = made_up("steps", quick=True)
    text = text_of(several(found), tmp_path)
    assert "This was a <i>quick</i> run" in text
    assert "Further tests" not in text
    print_reversal(found, rows=True)
    assert "Quick:" in capsys.readouterr().out


def test_the_overview_shows_what_returns_too() -> None:
    with style.house_style():
        figure = figures.overview(made_up("steps")).draw()
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[:2] == ["SGD, from a minimum: along", "SGD, from a minimum: across"]
    assert "predicted" in names
    assert "gradient flow, order 8" in names
    low, high = axes.get_ylim()
    assert low < 1e-15
    assert high > 1e-4


def test_numbers_have_the_decimals_of_their_errors() -> None:
    point = made_up("steps").points[0]
    assert rounded(replace(point, predicted=1.23456, measured=-1.2, half=0.0123)) == (
        "1.235",
        "−1.200",
        "0.012",
    )
    assert rounded(replace(point, predicted=1e-15, measured=-1e-13, half=2e-11)) == (
        "0",
        "0",
        "2e-11",
    )
