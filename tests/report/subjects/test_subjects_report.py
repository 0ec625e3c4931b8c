"""Page and terminal of `subjects`: the statement, every number of it, what limits it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from methexis.report import print_subjects, write_subjects_report
from methexis.report.subjects.figures import figures
from tests.report.subjects_results import found


def test_the_page_has_the_statement_and_all_numbers(tmp_path: Path) -> None:
    result = found()
    text = write_subjects_report(result, tmp_path).read_text(encoding="utf-8")
    assert result.conclusion in text
    assert text.count("<svg") == 3
    assert "src=" not in text  # nothing is loaded from elsewhere
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {
        "mds.pdf", "models.pdf", "rdm.pdf",
    }  # fmt: skip
    group = result.group
    for k, name in enumerate(group.names):
        assert f"<td>{name}</td>" in text
        assert f"{group.means[k]:.3f}" in text
        assert f"{group.intervals[k, 0]:.3f} to {group.intervals[k, 1]:.3f}" in text
    assert f"{group.ceiling.lower:.3f} to {group.ceiling.upper:.3f}" in text
    for subject in result.subjects:
        assert f"<td>{subject.path}</td>" in text
    assert "It took" in text
    assert "rows of models are taken in this order: c00, c01, c02, … c11." in text


def test_the_terminal_has_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    result = found()
    print_subjects(result, Path("o"))
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert " ".join(shown.split()).startswith(result.conclusion)
    for k in range(3):
        assert f"{result.group.means[k]:.3f}" in shown
    assert "report: o/report.html" in shown
    assert "in this order: c00, c01, c02, … c11" in " ".join(shown.split())


def test_a_note_limits_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noted = replace(found(), group=replace(found().group, notes=("what <b>misleads</b>",)))
    text = write_subjects_report(noted, tmp_path).read_text(encoding="utf-8")
    assert "What &lt;b&gt;misleads&lt;/b&gt;." in text
    print_subjects(noted, Path("o"))
    assert "note: what <b>misleads</b>" in capsys.readouterr().out


def test_one_model_has_no_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = found(1)
    text = write_subjects_report(result, tmp_path).read_text(encoding="utf-8")
    assert "Model against model" not in text
    assert "1 model beside 4 subjects" in text
    print_subjects(result, Path("o"))
    assert "difference" not in capsys.readouterr().out


def test_pictures_say_what_they_show() -> None:
    pictures = list(figures(found()))
    assert [picture.name for picture in pictures] == ["models", "rdm", "mds"]
    assert all(len(picture.alt.split()) >= 4 for picture in pictures)
