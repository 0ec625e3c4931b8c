"""`write_report`: every result has a page, nouns have none, and a plain page is honest."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import methexis as mx
from methexis.display import Displayed
from methexis.measures.dropin.calibrated_similarity import Calibrated
from methexis.measures.inference.all_pairs.grid import Best
from methexis.report.plain.kinds import KINDS
from methexis.report.writing import WRITERS
from tests.display import specimens as made
from tests.display.test_display import ALWAYS_NUMBERS, DRAWN, HOSTILE, hostile_grid, nothing
from tests.report import break_results, reverse_results
from tests.report.verify.test_verify_report import read
from tests.zoo.public import EXEMPT, namespaces

#: What functions make and are given back, by their public names.
RESULTS = [name for name, why in EXEMPT.items() if why.startswith("a result:")]


def specimen(name: str) -> Any:
    if name == "Best":
        return made.grid().best()
    return made.specimens()[name]


def test_every_result_has_a_writer() -> None:
    for name in RESULTS:
        module, _, attribute = name.partition(".")
        assert getattr(namespaces()[module], attribute) in WRITERS, name
    assert {"mx.Run", "mx.Grid", "training.Predicted", "theory.SlowPath"} <= set(RESULTS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_plain_page_has_its_sentence_its_facts_and_its_picture(
    kind: type, tmp_path: Path
) -> None:
    value = specimen(kind.__name__)
    page, reader, text = read(mx.write_report(value, tmp_path / "page.html"))
    told = KINDS[kind]
    assert told.title in text
    assert " ".join(told.sentence(value).split()).rstrip(".") + "." in text
    assert "facts" in reader.ids
    assert "http" not in page.replace("http://www.w3.org", "")
    assert ("picture" in reader.ids) == hasattr(value, "plot")
    drawn = list((tmp_path / "page-figures").glob("*.pdf"))
    assert [one.name for one in drawn] == (["picture.pdf"] if hasattr(value, "plot") else [])
    assert "nan" not in text.split()


@pytest.mark.parametrize(
    "part", [break_results.made_up("nothing"), reverse_results.made_up("order")]
)
def test_a_part_of_a_job_has_the_page_of_its_job(part: Any, tmp_path: Path) -> None:
    _, _, text = read(mx.write_report(part, tmp_path))
    assert part.scenario.title in text
    assert f" {part.name}" in text


def test_jobs_have_the_pages_of_their_commands(tmp_path: Path) -> None:
    compared = made.specimens()["CompareResult"]
    _, reader, _ = read(mx.write_report(compared, tmp_path / "one.html"))
    assert {"measures", "limits"} <= set(reader.ids)
    assert (tmp_path / "one-figures").is_dir()


@pytest.mark.parametrize("name", sorted(DRAWN.keys() - ALWAYS_NUMBERS - {"Run", "Sweep"}))
def test_a_plot_of_nothing_is_a_sentence(name: str, tmp_path: Path) -> None:
    value = nothing(name)
    page, reader, text = read(mx.write_report(value, tmp_path))
    assert "picture" not in reader.ids
    assert "<svg" not in page
    assert "There is nothing to draw: no number of “" in text
    assert not list(tmp_path.rglob("*.pdf"))


@pytest.mark.parametrize(
    "value",
    [made.TEACHER, made.STUDENT, mx.SGD(lr=0.1), made.X, "a run", None, 3, mx.schedules.cosine()],
)
def test_what_is_no_result_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(mx.MethexisError, match=f"expected a result.*got {type(value).__name__}$"):
        mx.write_report(value, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_where_it_cannot_go(tmp_path: Path) -> None:
    with pytest.raises(mx.MethexisError, match="write_report: expected a path, got 3"):
        mx.write_report(made.comparison(), 3)  # type: ignore[arg-type]
    (tmp_path / "notes.html").write_text("mine")
    with pytest.raises(mx.MethexisError, match="expected a new file or a report to replace"):
        mx.write_report(made.comparison(), tmp_path / "notes.html")
    assert (tmp_path / "notes.html").read_text() == "mine"


def test_hostile_names_are_text(tmp_path: Path) -> None:
    page, _, _ = read(mx.write_report(hostile_grid(), tmp_path))
    assert "<script" not in page
    assert "\x1b" not in page
    assert HOSTILE not in page


def test_a_grid_has_a_row_for_each_pair(tmp_path: Path) -> None:
    grid = made.grid()
    page, _, text = read(mx.write_report(grid, tmp_path))
    assert page.count("<tr>") == 1 + grid.score.size + len(grid._facts())
    for value in grid.score.ravel():
        assert f"{value:.4g}" in text


def test_a_long_table_is_cut_and_says_so(tmp_path: Path) -> None:
    many = mx.compare_all([made.X + k for k in range(21)], measure="cka", null="none")
    _, _, text = read(mx.write_report(many, tmp_path))
    assert f"The first 400 of {21 * 21} rows" in text


def test_what_is_unknown_is_a_dash(tmp_path: Path) -> None:
    unknown = mx.compare_all({"a": made.X}, {"b": made.Y}, measure="cka", null="none")
    page, _, _ = read(mx.write_report(unknown, tmp_path))
    assert '<td class="n">–</td>' in page


def test_a_prediction_without_a_path_says_why(tmp_path: Path) -> None:
    run = mx.train(made.STUDENT, made.TEACHER, mx.SignSGD(lr=0.01), steps=4, progress=None)
    _, reader, text = read(mx.write_report(run.predict(), tmp_path))
    assert "Theory draws no path: theory follows SGD, Adam and RMSProp, and a step" in text
    assert "picture" not in reader.ids
    assert "nothing" not in reader.ids  # nothing was to be drawn


def test_kinds_are_results_of_ours() -> None:
    others = {Calibrated, Best}
    assert all(issubclass(kind, Displayed) for kind in KINDS.keys() - others)
    assert all(dataclasses.is_dataclass(kind) for kind in KINDS.keys() - {Calibrated})
    assert np.all([kind.title for kind in KINDS.values()])
