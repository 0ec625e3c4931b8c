"""Report and terminal of `break`: what was found is there, disagreement too."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from methexis.plots import style
from methexis.report import print_break, print_scenario, write_break_report
from methexis.report.breaking import figures
from methexis.scenarios.breaking import ScenarioResult
from methexis.scenarios.breaking.measure import Point
from methexis.scenarios.breaking.result import BreakResult
from tests.report.break_results import made_up, several


def text_of(result: BreakResult, out: Path) -> str:
    return write_break_report(result, out).read_text(encoding="utf-8")


def test_one_scenario(tmp_path: Path) -> None:
    found = made_up("sampling")
    text = text_of(several(found), tmp_path)
    assert found.scenario.claim in text
    assert text.count("<svg") == 2
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {
        "sampling_alignment.pdf",
        "sampling_deviation.pdf",
    }
    assert text.count("<tr><td>") + text.count('<tr class="bad"><td>') >= len(found.points)
    assert ">AGREES<" in text
    assert "src=" not in text  # nothing is loaded from elsewhere


def test_all_of_them_have_a_summary(tmp_path: Path) -> None:
    text = text_of(several(made_up("nothing"), made_up("weight-decay")), tmp_path)
    assert text.count("<svg") == 6
    assert 'id="summary"' in text
    for name in ("nothing", "weight_decay"):
        assert f'href="#{name}"' in text
        assert f'id="{name}"' in text


def test_disagreement_and_outliers_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = made_up("sampling", off=1.0)
    assert not found.agrees
    text = text_of(several(found), tmp_path)
    assert ">DISAGREES<" in text
    assert "Beyond 3 σ: whitened, cond Σε = 100" in text
    assert "✗</td>" in text
    print_scenario(found, rows=False)
    print_break(several(found), tmp_path)
    printed = capsys.readouterr().out
    assert "✗ whitened" in printed
    assert "DISAGREES  not sampling" in printed
    assert max(map(len, printed.splitlines())) <= 80 or str(tmp_path) in printed


def test_quick_runs_say_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = made_up("labels", quick=True)
    text = text_of(several(found), tmp_path)
    assert "This was a <i>quick</i> run" in text
    assert ">allowed<" in text
    print_scenario(found, rows=True)
    printed = capsys.readouterr().out
    assert "allowed" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_a_table_has_every_cell_and_says_where_theory_is_silent(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    found = made_up("algorithms", quick=True)
    text = text_of(several(found), tmp_path)
    assert text.count("<svg") == 3
    table = "".join(text.split("The table. Predicted")[1].split("</table>")[:2])
    assert table.count("<tr>") == 2 * 11  # a heading and ten ways in each of two groups
    assert table.count("view") == 1
    assert table.count("<br>") == len(found.points) == 130
    assert table.count("–<br>") == 13  # sign is measured, without a prediction
    assert "theory is silent: measured only" in text
    print_scenario(found, rows=False)
    printed = capsys.readouterr().out
    assert "sign: measured only" in printed
    assert "nan" not in (text.split("<svg")[0] + table + printed).lower()


def test_a_silent_point_survives_its_summary() -> None:
    found = made_up("algorithms", quick=True)
    summary = json.loads(json.dumps(found.summary(), allow_nan=False))
    again = ScenarioResult.read(found.scenario, summary)
    assert [p.silent for p in again.points] == [p.silent for p in found.points]
    assert again.agrees == found.agrees
    (silent,) = {p.predicted for p in map(_blank, again.points) if p.silent}
    assert silent == 0.0


def _blank(point: Point) -> Point:
    """The point with zero in place of a prediction that is not a number."""
    return replace(point, predicted=0.0) if math.isnan(point.predicted) else point


def test_a_result_survives_its_summary() -> None:
    found = made_up("weight-decay", off=1.0)
    again = ScenarioResult.read(found.scenario, json.loads(json.dumps(found.summary())))
    assert again.points == found.points
    assert again.lines == found.lines
    assert again.verdicts == found.verdicts


def test_the_picture_of_all_dials() -> None:
    with style.house_style():
        figure = figures.summary([made_up(n) for n in ("nothing", "sampling", "labels", "batch")])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "What does not break it",
        "How samples are drawn",
        "Transformed labels",
        "No irreversibility",
    ]


def test_numbers_have_the_decimals_of_their_errors(tmp_path: Path) -> None:
    text = text_of(several(made_up("batch")), tmp_path)
    found = re.findall(
        r"(\d\.\d+)</td><td class=\"n\">(\d\.\d+) <span class=\"nb\">± (\d\.\d+)", text
    )
    assert len(found) > 10
    for predicted, measured, half in found:
        digits = half.split(".")[1]
        assert len(predicted.split(".")[1]) == len(measured.split(".")[1]) == len(digits)
        assert len(digits.lstrip("0")) <= 2
